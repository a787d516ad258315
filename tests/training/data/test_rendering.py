"""Rows become the model's own text, and the loss counts what the model is to write."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import EngineError, ModelFileError, UsageError
from codelathe.core.generation import Message, Role
from codelathe.text.chat import ChatTemplate, compile_chat_template
from codelathe.training.data.rendering import Renderer, Rendering
from codelathe.training.data.rows import Chat, Content, Hole, Pair, Row, Text
from codelathe.training.data.showing import show_tokens
from codelathe.training.data.tokens import Tokens
from fakes.tokens import CHATML, QWEN, WordTokenizer

TWO_TURNS = Chat(
    (
        Message("system", "be kind"),
        Message("user", "one"),
        Message("assistant", "first answer"),
        Message("user", "two"),
        Message("assistant", "second"),
    )
)
#: Earlier answers are rendered in capitals: nothing in the text is where it was.
REWRITES = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content if loop.last else m.content | upper }}"
    "<end>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
BRACKETS = (
    "<s>{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %} {{ m.content | trim }}</s>{% endif %}{% endfor %}"
)
DROPS = "{% for m in messages if m.role == 'user' %}<{{ m.content }}>{% endfor %}"
UNMARKED = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"


def template(source: str = CHATML) -> ChatTemplate:
    return compile_chat_template(source)


def row(content: Content) -> Row:
    return Row(content, "text", "f", 1)


def render(
    content: Content,
    tokenizer: WordTokenizer | None = None,
    source: str | None = CHATML,
    **how: Any,
) -> tuple[str, str]:
    """The text of the tokens, and of those that the loss counts."""
    tokenizer = tokenizer or WordTokenizer()
    chosen = template(source) if source is not None else None
    tokens = Renderer(tokenizer, chosen, Rendering(**how)).render(row(content))
    counted = [i for i, trained in zip(tokens.ids, tokens.trained, strict=True) if trained]
    return tokenizer.decode(tokens.ids), tokenizer.decode(counted)


def test_the_loss_counts_an_answer_and_the_token_that_ends_it() -> None:
    text, counted = render(Chat((Message("user", "hi"), Message("assistant", "ho ho"))))
    assert text == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho ho<|im_end|>\n"
    assert counted == "ho ho<|im_end|>"


def test_the_loss_counts_every_turn_of_the_assistant_and_no_other() -> None:
    assert render(TWO_TURNS)[1] == "first answer<|im_end|>second<|im_end|>"


def test_all_but_the_first_token_counts_where_everything_is_asked_for() -> None:
    text, counted = render(TWO_TURNS, everything=True)
    assert text == "<|im_start|>" + counted


def test_a_prompt_with_its_completion_is_a_chat_where_there_is_a_template() -> None:
    assert render(Pair("hi", "ho")) == render(
        Chat((Message("user", "hi"), Message("assistant", "ho")))
    )


def test_a_prompt_with_its_completion_is_plain_text_for_a_base_model() -> None:
    text, counted = render(Pair("def f():", " return 1"), source=None)
    assert text == "def f(): return 1<|endoftext|>"
    assert counted == " return 1<|endoftext|>"


def test_a_plain_text_counts_but_for_its_first_token() -> None:
    assert render(Text("a b c")) == ("a b c<|endoftext|>", " b c<|endoftext|>")


def test_the_token_that_begins_texts_comes_first_and_once() -> None:
    tokenizer = WordTokenizer((*QWEN, "<s>"), begins="<s>")
    assert render(Text("a"), tokenizer)[0] == "<s>a<|endoftext|>"
    assert render(Text("<s>a"), tokenizer)[0] == "<s>a<|endoftext|>"


def test_an_answer_that_nothing_ends_gets_the_models_end() -> None:
    text, counted = render(Pair("hi", "ho"), source=UNMARKED)
    assert text.endswith("ho\n<|im_end|>")
    assert counted.endswith("ho\n<|im_end|>")


def test_a_template_in_brackets_that_trims_and_opens_no_turn_has_its_answers_found() -> None:
    tokenizer = WordTokenizer(("<s>", "</s>"), begins="<s>", ends="</s>")
    content = Chat(
        (
            Message("user", "one"), Message("assistant", " first\n"),
            Message("user", "two"), Message("assistant", "second"),
        )
    )  # fmt: skip
    text, counted = render(content, tokenizer, BRACKETS)
    assert text == "<s>[INST] one [/INST] first</s>[INST] two [/INST] second</s>"
    assert counted == " first</s> second</s>"


@given(st.lists(st.text("ab \n\t(:값", min_size=1).filter(str.strip), min_size=2, max_size=6))
def test_of_any_chat_the_loss_counts_the_answers_and_their_ends(contents: list[str]) -> None:
    roles: tuple[Role, ...] = ("user", "assistant")
    kept = contents[: len(contents) // 2 * 2]
    messages = tuple(Message(roles[i % 2], text) for i, text in enumerate(kept))
    _, counted = render(Chat(messages))
    assert counted == "".join(f"{text}<|im_end|>" for text in kept[1::2])


def test_a_token_that_reaches_over_the_beginning_of_an_answer_counts() -> None:
    spaced = (
        "{% for m in messages %}{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    assert render(Pair("hi", "ho"), source=spaced)[1] == " ho<|im_end|>"


def test_spaces_of_an_answer_count() -> None:
    _, counted = render(Pair("hi", "a\n    b"))
    assert counted == "a\n    b<|im_end|>"


def test_a_hole_is_written_prefix_suffix_middle() -> None:
    text, counted = render(Hole("a", "c", "b"), spm=0)
    assert text == "<|fim_prefix|>a<|fim_suffix|>c<|fim_middle|>b<|endoftext|>"
    assert counted == "b<|endoftext|>"


def test_a_hole_is_written_suffix_first_where_that_is_drawn() -> None:
    text, counted = render(Hole("a", "c", "b"), spm=1)
    assert text == "<|fim_prefix|><|fim_suffix|>c<|fim_middle|>ab<|endoftext|>"
    assert counted == "b<|endoftext|>"


def test_half_of_the_holes_are_written_either_way() -> None:
    texts = [render(Hole(str(n), "c", "b"))[0] for n in range(200)]
    spm = sum("<|fim_prefix|><|fim_suffix|>" in text for text in texts)
    assert 70 < spm < 130


def test_special_tokens_in_a_hole_are_text() -> None:
    text = "<|fim_middle|>"
    tokenizer = WordTokenizer()
    renderer = Renderer(tokenizer, None, Rendering(spm=0))
    tokens = renderer.render(row(Hole(text, "c", "b")))
    assert tokens.ids.count(tokenizer.special(text) or -1) == 1


@pytest.mark.parametrize(
    "markers",
    [
        ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<|endoftext|>"),
        ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"),
        ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>", "<｜end▁of▁sentence｜>"),
    ],
    ids=["StarCoder", "Code Llama", "DeepSeek"],
)
def test_each_family_has_its_own_tokens_for_a_hole(markers: tuple[str, ...]) -> None:
    prefix, suffix, middle, end = markers
    text, _ = render(Hole("a", "c", "b"), WordTokenizer(markers, ends=""), None, spm=0)
    assert text == f"{prefix}a{suffix}c{middle}b{end}"


def test_a_model_without_tokens_for_holes_is_refused_before_anything_starts() -> None:
    renderer = Renderer(WordTokenizer(("<|im_end|>",)), template(), model="m1")
    with pytest.raises(ModelFileError, match="m1 has no tokens for fill in the middle"):
        renderer.check([row(Text("a")), row(Hole("a", "c", "b"))])


@pytest.mark.parametrize("content", [TWO_TURNS, Pair("a", "b", asked=True)])
def test_a_base_model_is_refused_chats_and_instructions(content: Content) -> None:
    with pytest.raises(ModelFileError, match="has no chat template"):
        Renderer(WordTokenizer(), None).check([row(content)])


def test_a_template_that_leaves_answers_out_is_refused() -> None:
    with pytest.raises(ModelFileError, match="does not show which text the assistant wrote"):
        Renderer(WordTokenizer(), template(DROPS)).check([row(Pair("a", "b"))])


def test_a_template_that_rewrites_earlier_turns_is_refused_for_chats_of_several() -> None:
    renderer = Renderer(WordTokenizer(), template(REWRITES))
    with pytest.raises(ModelFileError, match="rendered otherwise"):
        renderer.check([row(TWO_TURNS)])


def test_a_row_whose_turns_cannot_be_located_is_refused_by_itself() -> None:
    with pytest.raises(EngineError, match="cannot be located"):
        Renderer(WordTokenizer(), template(REWRITES)).render(row(TWO_TURNS))


def test_a_template_that_only_rewrites_earlier_answers_is_refused_too() -> None:
    source = REWRITES.replace("if loop.last", "if loop.last or m.role == 'user'")
    renderer = Renderer(WordTokenizer(), template(source))
    renderer.check([row(Pair("a", "b"))])
    with pytest.raises(ModelFileError, match="message 2 is rendered otherwise"):
        renderer.check([row(TWO_TURNS)])


def test_plain_texts_need_no_template() -> None:
    Renderer(WordTokenizer(), template(DROPS)).check([row(Text("a"))])


def test_a_share_of_spm_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError):
        Rendering(spm=1.5)


def test_each_token_is_shown_with_its_text_and_its_mark() -> None:
    tokenizer = WordTokenizer()
    tokens = Renderer(tokenizer, None).render(row(Pair("a", " b")))
    shown = show_tokens(tokens, tokenizer)
    assert [(t.text, t.trained) for t in shown] == [
        ("a", False), (" b", True), ("<|endoftext|>", True),
    ]  # fmt: skip


def test_the_last_token_of_a_character_has_it() -> None:
    class Bytes(WordTokenizer):
        def decode(self, ids: Any) -> str:
            return bytes(ids).decode("utf-8", "replace")

    ids = tuple("a값b".encode())
    shown = show_tokens(Tokens(ids, (False,) * len(ids)), Bytes())
    assert [t.text for t in shown] == ["a", "", "", "값", "b"]
