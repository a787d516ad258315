"""From samples to rows and scores, with a judge that says what it is told to."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from codelathe.core.errors import UsageError
from codelathe.core.judging import Case, Verdict
from codelathe.evaluation import stream
from codelathe.evaluation.judging import Listener, Progress
from codelathe.evaluation.rows import Again
from codelathe.evaluation.summary import summary_document
from fakes.evaluation_bench import Bench
from fakes.judging import Told, made_up

Say = Callable[[str], list[tuple[int, str]]]


def test_rows_stand_in_the_order_of_the_samples(bench: Bench) -> None:
    bench.write([(2, "a # passed"), (0, "b # failed"), (2, "c # error"), (1, "d # passed")])
    bench.run()
    assert [(r["task_id"], r["sample"], r["status"]) for r in bench.rows()] == [
        ("Toy/2", 0, "passed"),
        ("Toy/0", 0, "failed"),
        ("Toy/2", 1, "error"),
        ("Toy/1", 0, "passed"),
    ]


def test_a_row_has_the_fields_that_are_fixed(bench: Bench) -> None:
    bench.write([(0, "passed")])
    bench.run()
    assert bench.rows() == [
        {"task_id": "Toy/0", "sample": 0, "status": "passed", "detail": "", "seconds": 0.5}
    ]


def test_a_program_is_run_once_however_often_it_stands_there(bench: Bench) -> None:
    bench.write([(0, "a # passed"), (0, "b # failed")] * 50)
    judge = Told()
    summary = bench.run(judge)
    assert (len(judge.ran), summary.copies) == (2, 98)
    assert bench.statuses() == ["passed", "failed"] * 50


def test_the_same_code_for_another_problem_is_another_program(bench: Bench) -> None:
    bench.samples.write_text(
        '{"task_id": "Toy/0", "solution": "# passed"}\n{"task_id": "Toy/1", "solution": "# passed"}'
    )
    judge = Told()
    bench.run(judge)
    assert len(judge.ran) == 2


def test_pass_at_k_is_over_the_problems(bench: Bench) -> None:
    bench.write([(0, f"{n} # passed") for n in range(10)])
    with bench.samples.open("a") as file:
        both = bench.samples.read_text()
        file.write(both.replace("Toy/0", "Toy/1").replace("passed", "failed"))
    summary = bench.run()
    assert {name: s.value for name, s in summary.scores.items()} == {"pass@1": 0.5, "pass@10": 0.5}


def test_every_score_lies_in_its_interval(bench: Bench) -> None:
    bench.write([(0, "passed"), (1, "passed"), (2, "failed")])
    score = bench.run().scores["pass@1"]
    assert score.interval[0] < score.value < score.interval[1]


def test_problems_without_a_sample_are_counted_and_in_no_score(bench: Bench) -> None:
    bench.write([(0, "passed")])
    summary = bench.run()
    assert (summary.problems, summary.unattempted) == (1, 2)
    assert summary.scores["pass@1"].value == 1.0


def test_what_could_not_be_judged_is_in_no_score(bench: Bench, say: Say) -> None:
    bench.write(say("passed unjudged unjudged failed"))
    summary = bench.run()
    assert summary.counts["unjudged"] == 2
    assert summary.scores["pass@1"].value == 0.5


def test_a_k_that_unjudged_samples_leave_too_few_for_is_named(bench: Bench) -> None:
    bench.write([*((0, f"{n} # passed") for n in range(9)), (0, "unjudged")])
    summary = bench.run()
    assert (list(summary.scores), summary.unscored) == (["pass@1"], (10,))


def test_a_pass_of_a_plus_benchmark_needs_both_tests(bench: Bench, say: Say) -> None:
    bench.benchmark = made_up(tests=("base", "plus"))
    bench.write(say("passed/passed passed/failed error/passed timeout/error"))
    summary = bench.run()
    assert [(r["status"], r["base_status"], r["plus_status"]) for r in bench.rows()] == [
        ("passed", "passed", "passed"),
        ("failed", "passed", "failed"),
        ("error", "error", "passed"),
        ("timeout", "timeout", "error"),
    ]
    assert (summary.scores["pass@1"].value, summary.scores["base_pass@1"].value) == (0.25, 0.5)


def test_a_timeout_that_came_of_a_busy_machine_is_run_again_and_then_counts(
    bench: Bench, say: Say
) -> None:
    samples = [(1, "timeout! passed"), (2, "timeout! timeout!")]
    bench.write([*say("timeout! timeout passed"), *samples])
    summary = bench.run()
    assert bench.statuses() == ["timeout", "timeout", "passed", "passed", "timeout"]
    assert summary.counts == {"timeout": 3, "passed": 2}


def test_a_timeout_on_a_machine_that_stays_busy_is_told_apart(bench: Bench) -> None:
    bench.write([(0, "timeout! timeout!"), (1, "timeout! timeout"), (2, "timeout")])
    assert bench.run().starved == 1
    assert [row.get("starved") for row in bench.rows()] == [True, None, None]


def test_what_is_run_again_for_time_is_run_after_all_else_and_alone(bench: Bench) -> None:
    bench.write([(0, "timeout! passed"), (1, "timeout! failed"), (2, "import time # passed")])
    judge = Told()
    bench.run(judge)
    first, second, third = (f"# problem {i}\n" for i in range(3))
    order = [code[: len(first)] for code in judge.ran]
    assert order == [first, second, third, third, third, first, second]


def test_a_run_that_counts_for_time_has_nothing_beside(bench: Bench) -> None:
    bench.write((n % 3, f"{n} # timeout! passed") for n in range(5))
    judge = Told()
    beside: list[int] = []

    def hear(progress: Progress) -> None:
        if progress.stage is Again.ALONE:
            beside.append(judge.waiting)
            judge.waiting = 0

    bench.run(judge, listener=Listener(hear))
    assert beside[1:] == [1] * 5


def test_a_program_that_answers_differently_is_flaky_and_keeps_its_first_status(
    bench: Bench,
) -> None:
    bench.write(
        [
            (0, "import random # passed failed"),
            (1, "import random # passed"),
            (2, "# failed passed"),
        ]
    )
    summary = bench.run()
    assert [r.get("flaky") for r in bench.rows()] == [True, None, None]
    assert bench.statuses() == ["passed", "passed", "failed"]
    assert summary.flaky == 1


def test_no_row_of_a_finished_run_waits_to_be_run_again(bench: Bench) -> None:
    bench.write([(0, "import random # passed"), (1, "timeout! timeout!"), (2, "unjudged")])
    bench.run()
    assert not any("again" in row for row in bench.rows())


def test_an_asked_k_with_too_few_samples_is_refused_before_anything_is_run(bench: Bench) -> None:
    bench.write([(0, "a # passed"), (0, "b # passed"), (1, "passed")])
    judge = Told()
    with pytest.raises(UsageError, match=r"pass@2 needs 2 samples of each problem, and one has 1"):
        bench.run(judge, ks=(1, 2))
    assert not judge.ran
    assert not bench.verdicts.exists()


def test_progress_tells_how_many_are_done_and_how_many_passed(bench: Bench, say: Say) -> None:
    bench.write(say("passed failed passed"))
    heard: list[Progress] = []
    bench.run(listener=Listener(progress=heard.append))
    assert [(p.done, p.total, p.passed) for p in heard] == [
        (0, 3, 0), (1, 3, 1), (2, 3, 1), (3, 3, 2)
    ]  # fmt: skip


def test_the_summary_says_all_that_a_score_depends_on(bench: Bench) -> None:
    bench.write([(0, "passed")])
    signature = summary_document(bench.run())["signature"]
    assert signature["benchmark"] == "toy"
    assert signature["data_sha256"] == "5" * 64
    assert (signature["mode"], signature["isolation"]) == ("hardened", "A")
    assert signature["limits"]["seconds"] == 3.0
    assert {"python", "machine", "codelathe", "timeout", "details"} <= set(signature)


def test_memory_does_not_grow_with_the_samples(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_REMEMBERED", 100)

    def peak(count: int) -> int:
        bench.write((n % 3, f"{n} # passed" if n % 2 else "# failed") for n in range(count))
        tracemalloc.start()
        try:
            bench.run(Forgetful())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    few, many = peak(500), peak(6000)
    assert many - few < 5500 * 30


def test_a_program_that_was_forgotten_is_run_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_REMEMBERED", 2)
    bench.write([(0, f"{n} # {word}") for n, word in enumerate(("passed", "failed", "error"))] * 2)
    judge = Told()
    bench.run(judge)
    assert (bench.statuses(), len(judge.ran)) == (["passed", "failed", "error"] * 2, 6)


class Forgetful(Told):
    """Keeps nothing of what it ran."""

    def _verdicts(self, case: Case) -> tuple[Verdict, ...]:
        found = super()._verdicts(case)
        self.ran.clear()
        self._times.clear()
        return found
