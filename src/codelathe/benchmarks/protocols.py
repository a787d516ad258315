"""Protocols: how a model is asked for a task's code, and how its answer is read.

A protocol is a value with a name and a version, and stands in signatures: two scores can be
held against each other where their protocols are the same. Any change of what a model is shown,
of where its answer ends or of how it is read is another version.

`evalplus` asks as EvalPlus 0.3 does (`evalplus.codegen`), so that scores can be held against its
leaderboard: same words, same stop strings, 768 tokens; only what the answer itself has is judged.
`fast`, the default, is the same but for its end: an answer is over as soon as the function is
there with everything it uses. What a model writes after that is tests and talk, and is dropped
by either when the code is read.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from codelathe.benchmarks.base import Benchmark, Kind
from codelathe.core.errors import UnknownName, UnsupportedArgument
from codelathe.core.generation import Feature

Form = Literal["chat", "base"]
Ending = Literal["stop", "complete", "codegen"]
Extraction = Literal["answer", "completion", "problem", "all"]


@dataclass(frozen=True, slots=True)
class Protocol:
    """How code is asked for and read.

    `prompt` names how the words are made (`codelathe.benchmarks.asking`), `stop` are strings
    that an answer ends before, `until` says whether it also ends once the code is `complete`, or
    where the rule of `codegen` cuts it. `extraction`: only what the `answer` has; what it
    `completion`s, the prompt's head before it; the answer with those of the `problem`'s imports
    and helpers that it uses and lacks; or the head and `all` that follows it, as it is.
    `prefill`: the answer's opening is written for the model. `strip`: white space around a
    prompt is taken off. `steps` above 1: so many requests one after the other.
    """

    name: str
    version: int
    form: Form
    prompt: str
    kinds: tuple[Kind, ...]
    stop: tuple[str, ...] = ()
    until: Ending = "stop"
    extraction: Extraction = "answer"
    max_tokens: int = 768
    prefill: bool = True
    strip: bool = True
    steps: int = 1


_EVALPLUS = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
_FENCE = ("\n```",)
_EVALPLUS_KINDS: tuple[Kind, ...] = ("function", "docstring", "words")
_CHAT = Protocol(
    "evalplus-chat", 1, "chat", "evalplus", _EVALPLUS_KINDS, (*_EVALPLUS, "\n```\n")
)  # fmt: skip
_BASE = Protocol(
    "evalplus-base", 1, "base", "plain", ("function",),
    (*_EVALPLUS, "\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert "),
    extraction="completion",
)  # fmt: skip
#: Codex's evaluation (Chen et al. 2021), by which base models were compared for years.
_CODEX = Protocol(
    "codex-base", 1, "base", "plain", ("function",), ("\nclass", "\ndef", "\n#", "\nif", "\nprint"),
    extraction="all", max_tokens=512, strip=False,
)  # fmt: skip
_BASE_MBPP = replace(
    _BASE, name="evalplus-base-mbpp", kinds=("docstring", "words"),
    stop=(*_EVALPLUS, '\n"""', "\nassert"),
)  # fmt: skip

PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        _CHAT,
        _BASE,
        _BASE_MBPP,
        _CODEX,
        replace(_CODEX, name="codegen-base", stop=(), until="codegen"),
        replace(_CHAT, name="fast-chat", until="complete"),
        replace(_BASE, name="fast-base", until="complete"),
        replace(_BASE_MBPP, name="fast-base-mbpp", until="complete"),
        Protocol(
            "3shot-base", 1, "base", "shots", ("words",), ("[DONE]",), extraction="completion",
            strip=False,
        ),
        Protocol(
            "opened-chat", 1, "chat", "opened", ("function",), _FENCE, "complete", "completion"
        ),
        Protocol(
            "pack-chat", 1, "chat", "pack", ("synthesize", "fix"), _FENCE, "complete", "completion"
        ),
        Protocol(
            "pack-base", 1, "base", "pack", ("synthesize", "fix"), _FENCE, "complete", "completion"
        ),
        Protocol(
            "explain-chat", 1, "chat", "explain", ("explain",), _FENCE, "complete", "completion",
            steps=2,
        ),
        Protocol("own-chat", 1, "chat", "own", ("own",), _FENCE, "complete", "problem"),
        Protocol("own-base", 1, "base", "own", ("own",), _FENCE, "complete", "problem"),
        #: As a row of training data asks: what a model was tuned on, it is tested on.
        Protocol(
            "verbatim-chat", 1, "chat", "verbatim", ("own",), (), "complete", "problem",
            prefill=False, strip=False,
        ),
        Protocol(
            "verbatim-base", 1, "base", "verbatim", ("own",), (), "complete", "problem",
            prefill=False, strip=False,
        ),
    )
}  # fmt: skip

_DEFAULTS: dict[Kind, dict[Form, str]] = {
    "function": {"chat": "fast-chat", "base": "fast-base"},
    "docstring": {"chat": "fast-chat", "base": "fast-base-mbpp"},
    "words": {"chat": "fast-chat", "base": "3shot-base"},
    "synthesize": {"chat": "pack-chat", "base": "pack-base"},
    "fix": {"chat": "pack-chat", "base": "pack-base"},
    "explain": {"chat": "explain-chat"},
    "own": {"chat": "own-chat", "base": "own-base"},
}
_FAMILIES = ("evalplus", "fast", "verbatim")


def choose_protocol(
    benchmark: Benchmark, features: Collection[Feature], name: str | None = None
) -> Protocol:
    """The protocol called `name` for `benchmark`, or its default, as an engine can follow it.

    `evalplus`, `fast` and `verbatim` stand for the form that suits the model: chat where it takes
    messages, as EvalPlus decides it. Where an engine cannot open the answer or takes no stop
    strings, the protocol says so of itself.

    Raises:
        UnknownName: no such protocol for this benchmark.
        UnsupportedArgument: the model takes no chat, or no plain prompt, and has to.
    """
    form: Form = "chat" if "messages" in features else "base"
    fitting = {p.name: p for p in PROTOCOLS.values() if benchmark.kind in p.kinds}
    if name is None:
        name = _DEFAULTS[benchmark.kind].get(form)
        if name is None:
            raise UnsupportedArgument(
                f"{benchmark.name} needs a model that chats, and this one goes on from text",
                hint="name a model with a chat template: lathe models list",
                field="model",
            )
    elif name in _FAMILIES:
        named = (p.name for p in fitting.values() if p.name.startswith(f"{name}-{form}"))
        name = next(named, name)
    if name not in fitting:
        families = [f for f in _FAMILIES if any(n.startswith(f"{f}-") for n in fitting)]
        raise UnknownName("protocol", name, [*fitting, *families], field="protocol")
    return _followed(fitting[name], features)


def protocol_document(protocol: Protocol) -> dict[str, Any]:
    """A protocol as it stands in a signature."""
    document = asdict(protocol)
    del document["kinds"]
    return document


def _followed(protocol: Protocol, features: Collection[Feature]) -> Protocol:
    needed: Feature = "messages" if protocol.form == "chat" else "prompt"
    if needed not in features:
        other = "chats only" if protocol.form == "base" else "has no chat template"
        raise UnsupportedArgument(
            f"the protocol {protocol.name} cannot be followed: the model {other}",
            hint="leave --protocol out",
            field="protocol",
        )
    if "stop" not in features:
        protocol = replace(protocol, stop=())
    if protocol.form == "chat" and "prefill" not in features:
        # The answer begins before its fence, so it must not end at the first one.
        protocol = replace(protocol, prefill=False, stop=())
    return protocol
