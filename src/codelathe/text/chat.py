"""A model's own chat template, compiled to a function from messages to text.

Templates are Jinja as `transformers` renders them (its chat templating guide): blocks
trimmed, `break` and `continue`, `raise_exception`, `strftime_now`, `tojson` without
HTML escapes, a `generation` block that marks the assistant's text. Templates come
with downloaded weights, so they run in Jinja's sandbox and cannot change their input.
Tools and documents are not offered to the template.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from codelathe.core.errors import EngineError, ModelFileError
from codelathe.core.generation import Message

if TYPE_CHECKING:
    import jinja2


class ChatTemplate(Protocol):
    """Renders messages to the text that a model reads."""

    def __call__(self, messages: Sequence[Message], *, opened: bool = True) -> str:
        """The text of `messages`; with `opened` it goes on to open the assistant's turn.

        Raises:
            EngineError: the template refuses the messages (a role it does not know, say).
        """
        ...


def compile_chat_template(
    source: str, bos_token: str = "", eos_token: str = "", model: str = "the model"
) -> ChatTemplate:
    """The function that renders messages by the template `source`.

    `bos_token` and `eos_token` are the strings of these tokens, as templates name
    them; `model` is named in errors.

    Raises:
        ModelFileError: the template is empty or does not compile.
    """
    import jinja2

    if not source.strip():
        raise ModelFileError(
            f"{model} has no chat template",
            hint="it is a base model: use it with plain prompts, or name its -Instruct variant",
        )
    try:
        template = _environment().from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise ModelFileError(
            f"the chat template of {model} does not compile: line {error.lineno}: {error.message}",
            hint="fetch the model again, or name another one",
        ) from None

    def render(messages: Sequence[Message], *, opened: bool = True) -> str:
        turns = [{"role": m.role, "content": m.content} for m in messages]
        try:
            return template.render(
                messages=turns,
                add_generation_prompt=opened,
                bos_token=bos_token,
                eos_token=eos_token,
                tools=None,
                documents=None,
            )
        except (jinja2.TemplateError, TypeError, ValueError, LookupError, ArithmeticError) as error:
            raise EngineError(
                f"the chat template of {model} cannot render these messages: {error}",
                hint="roles must be system, user and assistant, as the model knows them",
            ) from None

    return render


def _environment() -> jinja2.Environment:
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _generation_block()]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


def _generation_block() -> type[jinja2.ext.Extension]:
    """`{% generation %}`: transformers notes its span for training; here it only renders."""
    from jinja2 import nodes
    from jinja2.ext import Extension
    from jinja2.parser import Parser

    class GenerationBlock(Extension):
        tags = {"generation"}  # noqa: RUF012  # jinja2 declares it as an instance attribute

        def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.Scope(body).set_lineno(line)

    return GenerationBlock


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise_exception(message: str) -> None:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)
