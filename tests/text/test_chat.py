"""Chat templates render as the models' own runtime renders them."""

from __future__ import annotations

from pathlib import Path

import pytest

from codelathe.core.errors import EngineError, ModelFileError
from codelathe.core.generation import Message
from codelathe.core.gguf import read_gguf_header
from codelathe.text.chat import compile_chat_template

CHATML = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HELLO = [Message("user", "안녕 <b>")]


def test_a_chatml_template_opens_the_assistants_turn() -> None:
    render = compile_chat_template(CHATML)
    assert render(HELLO) == "<|im_start|>user\n안녕 <b><|im_end|>\n<|im_start|>assistant\n"


def test_lines_of_blocks_leave_no_blanks() -> None:
    render = compile_chat_template(
        "{% for m in messages %}\n  {% if true %}\nx\n  {% endif %}\n{% endfor %}"
    )
    assert render(HELLO) == "x\n"


def test_token_strings_are_those_given() -> None:
    render = compile_chat_template("{{ bos_token }}|{{ eos_token }}", "<s>", "</s>")
    assert render(HELLO) == "<s>|</s>"


def test_json_keeps_its_characters() -> None:
    render = compile_chat_template("{{ messages | tojson }}")
    assert render(HELLO) == '[{"role": "user", "content": "안녕 <b>"}]'


def test_loops_can_be_left() -> None:
    render = compile_chat_template(
        "{% for i in [1, 2, 3] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}"
    )
    assert render(HELLO) == "1"


def test_a_generation_block_renders_its_body() -> None:
    render = compile_chat_template("{% generation %}{{ messages[0].content }}{% endgeneration %}")
    assert render(HELLO) == "안녕 <b>"


def test_the_date_can_be_asked() -> None:
    assert len(compile_chat_template("{{ strftime_now('%Y') }}")(HELLO)) == 4


def test_no_tools_are_offered() -> None:
    assert compile_chat_template("{% if tools %}tools{% endif %}ok")(HELLO) == "ok"


def test_a_template_that_does_not_compile_names_the_model_and_the_line() -> None:
    with pytest.raises(ModelFileError, match=r"m1 .* line 2"):
        compile_chat_template("\n{% if %}", model="m1")


def test_a_missing_template_is_refused() -> None:
    with pytest.raises(ModelFileError, match="m1 has no chat template"):
        compile_chat_template(" ", model="m1")


@pytest.mark.parametrize(
    "source",
    [
        "{{ raise_exception('no system role') }}",
        "{{ messages[0].content.nothing.more }}",
        "{{ 1 / 0 }}",
        "{{ messages[0].__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ 'a' + 1 }}",
    ],
)
def test_a_template_that_fails_is_an_engine_error(source: str) -> None:
    with pytest.raises(EngineError, match="m1"):
        compile_chat_template(source, model="m1")(HELLO)


@pytest.mark.model
def test_the_default_models_template_gives_chatml_with_its_own_system_message(
    default_model_path: Path,
) -> None:
    render = compile_chat_template(read_gguf_header(default_model_path).chat_template)
    text = render([Message("user", "a"), Message("assistant", "b"), Message("user", "c")])
    system, _, rest = text.partition("<|im_end|>\n")
    assert system.startswith("<|im_start|>system\nYou are Qwen")
    assert rest == (
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n"
        "<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.model
def test_the_small_models_template_keeps_a_given_system_message(
    smollm2_path: Path,
) -> None:
    render = compile_chat_template(read_gguf_header(smollm2_path).chat_template)
    assert render([Message("system", "s"), Message("user", "u")]) == (
        "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\nu<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_assistants_turn_is_left_closed_where_that_is_asked_for() -> None:
    render = compile_chat_template(CHATML)
    assert render(HELLO, opened=False) == "<|im_start|>user\n안녕 <b><|im_end|>\n"
