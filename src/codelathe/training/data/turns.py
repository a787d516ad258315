"""Where the assistant's turns stand in a rendered chat, found by rendering it twice.

The chat up to a turn, with the turn opened, must be what the chat with the turn begins with;
what is left is the turn: its content and what ends it. A template where that does not hold
(one that rewrites earlier turns, say) has no places that could be masked by, and is refused.
No template's markers are known here, so none can be mistaken.
"""

from __future__ import annotations

from codelathe.core.errors import EngineError, ModelFileError
from codelathe.core.generation import Message
from codelathe.text.chat import ChatTemplate

Span = tuple[int, int]
_PROBE = (
    Message("user", "probe question one"),
    Message("assistant", "probe answer one"),
    Message("user", "probe question two"),
    Message("assistant", "probe answer two"),
)


def render_turns(messages: tuple[Message, ...], template: ChatTemplate) -> tuple[str, list[Span]]:
    """The text of a chat, and where in it each turn of the assistant stands.

    A turn is what the model would have to write, to the end of what closes it; white space
    after that belongs to the template.

    Raises:
        EngineError: the template refuses the messages, or the turns cannot be located.
    """
    whole = template(messages, opened=False)
    spans = []
    for index, message in enumerate(messages):
        if message.role == "assistant":
            before = template(messages[:index], opened=True)
            with_turn = template(messages[: index + 1], opened=False)
            if not (whole.startswith(with_turn) and with_turn.startswith(before)):
                raise _lost(f"message {index + 1} is rendered otherwise once others follow")
            spans.append(_turn(with_turn, len(before), message.content))
    return whole, spans


def check_template(template: ChatTemplate, model: str, *, several: bool) -> None:
    """Refuse a template whose turns cannot be located, before any row is read by it.

    `several`: chats with more than one turn of the assistant are to be rendered.

    Raises:
        ModelFileError: told with the reason.
    """
    probe = _PROBE if several else _PROBE[:2]
    try:
        render_turns(probe, template)
    except EngineError as error:
        raise ModelFileError(
            f"the chat template of {model} does not show which text the assistant wrote: "
            f"{error.message}",
            hint="name another model"
            + (", or give chats with one answer each" if several else ", or plain text rows"),
            field="model",
        ) from None


def _turn(text: str, start: int, content: str) -> Span:
    at = text.find(content.strip(), start)
    if at < 0:
        raise _lost(f"it leaves out or alters the answer {content[:40]!r}")
    behind = at + len(content.strip())
    closing = text[behind:].rstrip()
    return start, behind + len(closing) if closing else len(text)


def _lost(why: str) -> EngineError:
    return EngineError(
        f"the assistant's turns cannot be located in the rendered chat: {why}",
        hint="use a template that renders each turn alike wherever it stands",
    )
