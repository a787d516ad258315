"""What goes to a model and what comes back: Request, Completion and the Engine port.

An engine has one method. Streaming, early stopping and progress all go through
the `Watch` given to it: it is shown each answer as it grows and may end it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from codelathe.core.errors import UnsupportedArgument, UsageError

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "watch"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn.

    `temperature` 0 is greedy decoding; then `top_p` and `seed` have no effect. None leaves it
    to the model: a service's own default (some models take no other), and for weights on
    this machine 1, the distribution as the model gives it.
    `seed` makes sampling repeatable on the same engine, model and machine where the same
    requests are asked together (what shares a batch changes how sums are rounded); choice
    `i` of a request is drawn with `seed + i`. An answer ends before the first of `stop`.
    """

    max_tokens: int = 512
    temperature: float | None = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise UsageError(
                f"max tokens must be at least 1, not {self.max_tokens}", field="max_tokens"
            )
        if self.temperature is not None and not 0.0 <= self.temperature <= 2.0:
            raise UsageError(
                f"temperature must lie in 0..2, not {self.temperature}", field="temperature"
            )
        if not 0.0 < self.top_p <= 1.0:
            raise UsageError(f"top-p must lie in (0, 1], not {self.top_p}", field="top_p")
        if self.seed < 0:
            raise UsageError(f"seed must not be negative, not {self.seed}", field="seed")
        if "" in self.stop:
            raise UsageError("an empty stop string would end every answer", field="stop")

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is taken each time, and nothing is drawn."""
        return self.temperature == 0


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt for an engine: a chat (`messages`) or plain text to go on from (`prompt`).

    `prefill` opens the model's answer and is not repeated in the completion's text.
    `n` asks for that many answers, numbered by `Completion.choice`.
    """

    messages: tuple[Message, ...] = ()
    prompt: str = ""
    prefill: str = ""
    n: int = 1
    sampling: Sampling = Sampling()

    def __post_init__(self) -> None:
        if bool(self.messages) == bool(self.prompt):
            raise UsageError("a request has either messages or a prompt")
        if self.n < 1:
            raise UsageError(f"n must be at least 1, not {self.n}", field="n")


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer: the raw text, what it cost and why it ended.

    `request` is the index in the sequence given to the engine, `choice` counts the
    answers to that request. `seconds` is the wall time from submission to the end;
    `cost_usd` is 0 for local models and None where a remote price is not known.
    `engine` names the engine that answered.
    """

    request: int
    choice: int
    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    finish_reason: FinishReason
    seed: int
    model: str
    cost_usd: float | None = 0.0
    engine: str = ""


#: (request index, choice, the answer so far) -> True to end that answer now.
Watch = Callable[[int, int, str], bool]

Feature = Literal["messages", "prompt", "prefill", "temperature", "top_p", "seed", "stop"]
ALL_FEATURES: frozenset[Feature] = frozenset(get_args(Feature))


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What an engine is and can do. `context_length` is in tokens, None where unknown.

    A base model has no chat template: its engine lacks the feature `messages`.
    """

    name: str
    model: str
    version: str
    context_length: int | None
    features: frozenset[Feature] = ALL_FEATURES


class Engine(Protocol):
    """Turns requests into completions."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is and which features of a request it honours."""
        ...

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        """Yield `sum(r.n for r in requests)` completions, each as soon as it is finished.

        Closing the generator, or an exception raised by `watch`, cancels what still runs.

        Raises:
            UnsupportedArgument: a request asks for a feature that `info` lacks.
            ContextOverflow: a prompt does not fit; raised before any work.
            EngineError: the model could not answer.
        """
        ...

    def close(self) -> None:
        """Free the model. Closing twice is harmless."""
        ...


def refuse_unsupported(info: EngineInfo, requests: Sequence[Request]) -> None:
    """Raise UnsupportedArgument for the first argument that the engine cannot honour."""
    for request in requests:
        sampling = request.sampling
        asked: dict[Feature, bool] = {
            "messages": bool(request.messages),
            "prompt": bool(request.prompt),
            "prefill": bool(request.prefill),
            "temperature": sampling.temperature is not None and not sampling.greedy,
            "top_p": not sampling.greedy and sampling.top_p < 1.0,
            "seed": not sampling.greedy and sampling.seed != 0,
            "stop": bool(sampling.stop),
        }
        for feature, wanted in asked.items():
            if wanted and feature not in info.features:
                raise UnsupportedArgument(
                    f"the engine {info.name!r} cannot honour {feature!r} for {info.model}",
                    hint=f"leave {feature!r} out, or choose another engine",
                    field=feature,
                )
