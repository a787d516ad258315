"""Two runs held against each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codelathe.core.errors import ProblemError, RemoteTimeout, UnknownName, UsageError
from codelathe.evaluation.comparing import compare, comparison_document
from codelathe.evaluation.evaluating import Wish
from codelathe.evaluation.runs import Run, find_sample, open_run
from codelathe.metrics.paired import mcnemar
from fakes.evaluating import run

FIRST = ("passed", "passed", "failed", "error", "passed")
SECOND = ("passed", "failed", "passed", "failed", "failed")


@pytest.fixture
def first(tmp_path: Path) -> Run:
    return open_run(run(tmp_path / "first", FIRST).folder)


@pytest.fixture
def second(tmp_path: Path) -> Run:
    return open_run(run(tmp_path / "second", SECOND, name="other").folder)


def test_problems_are_paired(first: Run, second: Run) -> None:
    found = compare(first, second)
    assert (found.both, found.neither, len(found.pairs)) == (1, 1, 5)
    assert found.test == mcnemar(
        [True, True, False, False, True], [True, False, True, False, False]
    )


def test_the_difference_is_first_minus_second(first: Run, second: Run) -> None:
    assert compare(first, second).gap.value == pytest.approx(0.2)
    assert compare(second, first).gap.value == pytest.approx(-0.2)


def test_flips_have_both_programs(first: Run, second: Run) -> None:
    flips = {pair.task_id: pair for pair in compare(first, second).flipped}
    assert list(flips) == ["Toy/1", "Toy/2", "Toy/4"]
    assert flips["Toy/2"].first.solution.endswith("# failed")
    assert flips["Toy/2"].second.solution.endswith("# passed")


def test_a_flip_shows_the_program_whose_status_it_tells(first: Run, tmp_path: Path) -> None:
    lost = open_run(run(tmp_path / "lost", SECOND, wish=Wish(n=2, temperature=0.5)).folder)
    for name, change in (("verdicts", {"status": "unjudged"}), ("completions", {"solution": "?"})):
        path = lost.folder / f"{name}.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        lines[2] |= change  # the first sample of Toy/1
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    lost = Run(lost.folder, {k: v for k, v in lost.result.items() if not k.endswith("_sha256")})
    (flip,) = (p for p in compare(first, lost, force=True).flipped if p.task_id == "Toy/1")
    assert (flip.second.status, flip.second.sample) == ("failed", 1)
    assert flip.second.solution.endswith("# failed")


def test_another_model_is_no_reason_to_refuse(first: Run, second: Run) -> None:
    assert [d.name for d in compare(first, second).differing] == ["model.name"]


@pytest.mark.parametrize(
    ("wish", "what"),
    [(Wish(protocol="evalplus"), "protocol"), (Wish(max_tokens=700), "max_tokens")],
)
def test_another_measure_is_refused_with_the_difference_unless_forced(
    wish: Wish, what: str, first: Run, tmp_path: Path
) -> None:
    other = open_run(run(tmp_path / "other", SECOND, wish=wish).folder)
    with pytest.raises(UsageError, match=what):
        compare(first, other)
    assert any(what in d.name for d in compare(first, other, force=True).differing)


def test_only_problems_that_both_have_are_compared(first: Run, tmp_path: Path) -> None:
    less = open_run(run(tmp_path / "less", FIRST, wish=Wish(limit=2)).folder)
    found = compare(first, less)
    assert (len(found.pairs), found.unpaired) == (2, 3)


def test_what_could_not_be_judged_is_not_compared(first: Run, tmp_path: Path) -> None:
    lost = open_run(run(tmp_path / "lost", ("unjudged", *SECOND[1:])).folder)
    assert next(pair.task_id for pair in compare(first, lost).pairs) == "Toy/1"


def test_several_samples_are_compared_by_their_rates(first: Run, tmp_path: Path) -> None:
    many = open_run(run(tmp_path / "many", SECOND, wish=Wish(n=3)).folder)
    found = compare(many, many)
    assert (found.test, found.gap.value) == (None, 0.0)


def test_problems_that_are_all_alike_do_not_make_any_difference_visible(tmp_path: Path) -> None:
    many = open_run(run(tmp_path / "many", FIRST * 4, wish=Wish(n=3)).folder)
    found = compare(many, many)
    assert found.smallest is not None
    assert found.smallest > 0.2


def test_the_document_has_the_whole_table(first: Run, second: Run) -> None:
    document = comparison_document(compare(first, second), first, second)
    assert document["table"][1] == {"task_id": "Toy/1", "first": 1.0, "second": 0.0}
    assert document["flipped"][0]["first"]["status"] == "passed"


def test_a_sample_is_found_with_its_prompt(tmp_path: Path) -> None:
    opened = open_run(run(tmp_path / "run", FIRST, wish=Wish(n=2)).folder)
    shown = find_sample(opened, "Toy/2", 1)
    assert "Problem 2." in shown.prompt
    assert (shown.row.task_id, shown.row.sample, shown.written.sample) == ("Toy/2", 1, 1)


def test_a_problem_that_is_not_there_is_told_with_the_nearest(first: Run) -> None:
    with pytest.raises(UnknownName) as error:
        find_sample(first, "Toy/22")
    assert "Toy/2" in error.value.hint


def test_a_sample_that_is_not_there_is_told(first: Run) -> None:
    with pytest.raises(ProblemError, match="no sample 7"):
        find_sample(first, "Toy/2", 7)


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="holds no run"):
        open_run(tmp_path)


def test_a_run_that_is_not_finished_is_told(tmp_path: Path) -> None:
    with pytest.raises(RemoteTimeout):
        run(tmp_path / "run", ("passed", RemoteTimeout("gone")))
    with pytest.raises(ProblemError, match="not finished"):
        open_run(tmp_path / "run")


def test_a_damaged_row_is_told_with_its_line(first: Run) -> None:
    path = first.folder / "verdicts.jsonl"
    path.write_text(path.read_text().replace('"sample"', '"simple"', 1))
    with pytest.raises(ProblemError, match="line 1"):
        first.rates()


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "m"}, {"model": {"name": 5}}, {"tests": None}, {"sampling": {}},
        {"sampling": {"n": "1"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_result_that_lacks_what_every_run_says_is_no_run(
    changed: dict[str, object], first: Run
) -> None:
    path = first.folder / "result.json"
    result = json.loads(path.read_text())
    path.write_text(json.dumps({**result, "signature": {**result["signature"], **changed}}))
    with pytest.raises(ProblemError, match="holds no run"):
        open_run(first.folder)


@pytest.mark.parametrize("line", ["[" * 100_000, '{"sample": 1e999}', "5", "null"])
def test_a_line_that_is_no_row_is_told(line: str, first: Run) -> None:
    good = json.loads((first.folder / "verdicts.jsonl").read_text().splitlines()[0])
    if line.startswith("{"):
        line = json.dumps({**good, **json.loads(line)})
    for name in ("verdicts.jsonl", "completions.jsonl"):
        (first.folder / name).write_text(line + "\n")
    with pytest.raises(ProblemError, match="line 1"):
        first.rates()
    with pytest.raises(ProblemError, match="line 1"):
        list(first.completions())


def test_a_name_that_is_too_long_for_a_file_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="holds no run"):
        open_run(tmp_path / ("x" * 300))
