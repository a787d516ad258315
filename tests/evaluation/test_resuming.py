"""Runs that end in the middle, in whatever way, and are gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codelathe.core.errors import DiskFull, InUse, ProblemError, UsageError
from codelathe.evaluation import judging
from codelathe.evaluation.judging import judge_samples, open_ledger, plan
from fakes.evaluation_bench import Bench
from fakes.judging import Told, made_up

Say = Callable[[str], list[tuple[int, str]]]
MIXED = "passed failed timeout! unjudged passed error"


@pytest.fixture
def mixed(bench: Bench, say: Say) -> Bench:
    bench.write([*say(MIXED), (1, "import random # passed failed"), (2, "timeout! passed")])
    return bench


def whole(bench: Bench) -> list[dict[str, object]]:
    """The rows of a run that nothing interrupts."""
    other = Bench(bench.samples.parent)
    other.verdicts = bench.verdicts.with_name("whole.jsonl")
    other.result = bench.result.with_name("whole.json")
    other.run()
    return other.rows()


@pytest.mark.parametrize("stop_at", range(14))
def test_a_run_that_is_interrupted_anywhere_comes_to_the_same_rows(
    stop_at: int, mixed: Bench
) -> None:
    judge = Told(stop_at=stop_at)
    try:
        mixed.run(judge)
    except KeyboardInterrupt:
        judge.stop_at = -1  # the same one, which knows how often it was asked what
        mixed.run(judge)
    assert mixed.rows() == whole(mixed)


@pytest.mark.parametrize("stop_at", range(1, 9))
def test_nothing_that_has_a_row_is_run_a_second_time(stop_at: int, bench: Bench, say: Say) -> None:
    bench.write(say("passed " * 8))
    first, second = Told(stop_at=stop_at), Told()
    if stop_at < 8:
        with pytest.raises(KeyboardInterrupt):
            bench.run(first)
    bench.run(second)
    assert len(first.ran) + len(second.ran) == 8


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_last_line_that_is_cut_short_is_judged_again(cut: int, bench: Bench, say: Say) -> None:
    bench.write(say("passed failed passed failed"))
    with pytest.raises(KeyboardInterrupt):
        bench.run(Told(stop_at=3))
    os.truncate(bench.verdicts, bench.verdicts.stat().st_size - cut)
    judge = Told()
    bench.run(judge)
    assert (bench.statuses(), len(judge.ran)) == (["passed", "failed", "passed", "failed"], 2)


def test_a_journal_that_is_cut_short_is_gone_on_with(mixed: Bench) -> None:
    judge = Told(stop_at=11)
    with pytest.raises(KeyboardInterrupt):
        mixed.run(judge)
    judge.stop_at = -1
    journal = mixed.verdicts.with_name("verdicts.jsonl.journal")
    os.truncate(journal, journal.stat().st_size - 3)
    mixed.run(judge)
    assert mixed.rows() == whole(mixed)


def test_a_finished_run_is_answered_without_running_anything(mixed: Bench) -> None:
    first = mixed.run()
    before = mixed.verdicts.read_bytes(), mixed.result.read_bytes()
    judge = Told()
    assert mixed.run(judge) == first
    assert not judge.ran
    assert before == (mixed.verdicts.read_bytes(), mixed.result.read_bytes())


def test_a_finished_run_is_scored_for_another_k_without_running_anything(
    bench: Bench, say: Say
) -> None:
    bench.write(say("passed failed"))
    bench.run(ks=(1,))
    judge = Told()
    assert list(bench.run(judge, ks=(2,)).scores) == ["pass@2"]
    assert not judge.ran


def test_only_the_rows_and_the_result_are_left_when_all_is_done(mixed: Bench) -> None:
    mixed.run()
    names = {path.name for path in mixed.verdicts.parent.iterdir()}
    assert names == {"samples.jsonl", "verdicts.jsonl", "result.json"}


def test_the_seconds_of_judging_are_noted_while_they_pass(
    bench: Bench, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "NOTED", 0.0)
    bench.write(say("passed passed passed"))
    with pytest.raises(KeyboardInterrupt):
        bench.run(Told(stop_at=2))
    journal = bench.verdicts.with_name(f"{bench.verdicts.name}.journal").read_text()
    assert journal.count('{"note": {"seconds"') > 2


def test_the_seconds_of_a_session_that_judged_nothing_count(bench: Bench, say: Say) -> None:
    bench.write(say("passed"))
    with pytest.raises(KeyboardInterrupt):
        bench.run(Told(stop_at=0))
    work = plan(bench.benchmark, bench.samples)
    with open_ledger(work, "hardened", bench.verdicts, bench.result) as ledger:
        assert any("seconds" in note for note in ledger.notes)


def test_a_half_done_run_is_not_gone_on_with_under_other_settings(bench: Bench, say: Say) -> None:
    bench.write(say("passed " * 5))
    with pytest.raises(KeyboardInterrupt):
        bench.run(Told(stop_at=2))
    other = Told()
    other.name = "compat"
    with pytest.raises(UsageError, match="half done, and with another mode"):
        bench.run(other)
    assert len(bench.rows()) == 2


def test_a_half_done_run_is_not_gone_on_with_on_other_samples(bench: Bench, say: Say) -> None:
    bench.write(say("passed " * 5))
    with pytest.raises(KeyboardInterrupt):
        bench.run(Told(stop_at=2))
    bench.write(say("failed " * 5))
    with pytest.raises(UsageError, match="another samples sha256"):
        bench.run()


def test_the_rows_of_a_finished_run_give_way_to_those_of_another(bench: Bench, say: Say) -> None:
    bench.write(say("passed"))
    bench.run()
    bench.write(say("failed"))
    bench.run()
    assert bench.statuses() == ["failed"]


def test_a_file_that_no_run_wrote_is_left_alone(bench: Bench, say: Say) -> None:
    bench.write(say("passed"))
    bench.verdicts.write_text("mine\n")
    with pytest.raises(UsageError, match="no run of lathe wrote it"):
        bench.run()
    assert bench.verdicts.read_text() == "mine\n"


def test_rows_that_were_changed_by_hand_are_not_taken_for_verdicts(bench: Bench, say: Say) -> None:
    bench.write(say("failed"))
    bench.run()
    bench.verdicts.write_text(bench.verdicts.read_text().replace("failed", "passed"))
    with pytest.raises(UsageError, match="was changed since it was written"):
        bench.run()


def test_a_file_that_was_changed_is_not_replaced_by_a_run_of_another_mode(
    bench: Bench, say: Say
) -> None:
    bench.write(say("failed"))
    bench.run()
    kept = bench.verdicts.read_text() + '{"my": "note"}\n'
    bench.verdicts.write_text(kept)
    bench.write(say("failed failed"))  # other samples: another run
    with pytest.raises(UsageError, match="was changed since it was written"):
        bench.run()
    assert bench.verdicts.read_text() == kept


def test_a_row_of_a_half_done_run_that_is_none_is_told_with_its_line(
    bench: Bench, say: Say
) -> None:
    bench.write(say("passed " * 5))
    with pytest.raises(KeyboardInterrupt):
        bench.run(Told(stop_at=3))
    bench.verdicts.write_text(bench.verdicts.read_text().replace("passed", "fine", 1))
    with pytest.raises(ProblemError, match="line 1"):
        bench.run()


def test_a_second_process_at_the_same_file_is_refused(bench: Bench, say: Say) -> None:
    bench.write(say("passed"))
    work = plan(bench.benchmark, bench.samples)
    with (
        open_ledger(work, "hardened", bench.verdicts, bench.result),
        pytest.raises(InUse, match="another process is judging"),
    ):
        bench.run()


def test_the_seconds_and_the_isolation_of_all_sessions_are_summed_up(
    bench: Bench, say: Say
) -> None:
    bench.write(say("passed " * 4))
    with pytest.raises(KeyboardInterrupt):
        bench.run(Told(stop_at=2, pause=0.02, tier="A"))
    summary = bench.run(Told(tier="B"))
    assert summary.seconds >= 0.04
    assert summary.signature.isolation == "A and B"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_is_no_place_for_rows(bench: Bench, say: Say) -> None:
    bench.write(say("passed"))
    bench.verdicts = Path("/dev/full")
    with pytest.raises(UsageError, match="no file that rows can be kept in"):
        bench.run()


def test_a_full_disk_is_told_and_what_was_done_is_kept(bench: Bench, say: Say) -> None:
    resource = pytest.importorskip("resource")
    bench.write(say("passed " * 60))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
        with pytest.raises(DiskFull, match=r"no room left to write .*verdicts"):
            bench.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    kept, judge = len(bench.rows()), Told()
    bench.run(judge)
    assert 0 < kept < 60
    assert len(judge.ran) == 60 - kept


CHILD = """
    import sys
    from pathlib import Path
    from fakes.evaluation_bench import Bench
    from fakes.judging import Told
    bench = Bench(Path(sys.argv[1]))
    bench.run(Told(pause=0.002))
"""


@pytest.mark.parametrize("rows", [0, 3, 40, 79])
def test_a_run_that_is_killed_goes_on_to_the_same_rows(rows: int, bench: Bench) -> None:
    chancy = [(n % 3, f"{n} import random # passed") for n in range(20)]
    bench.write([(n % 3, f"{n} # passed") for n in range(60)] + chancy)
    path = str(Path(__file__).parents[1])
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD), str(bench.samples.parent)],
        env={**os.environ, "PYTHONPATH": path},
    )
    while child.poll() is None and (
        not bench.verdicts.exists() or bench.verdicts.read_bytes().count(b"\n") < rows
    ):
        time.sleep(0.001)
    child.kill()
    child.wait()
    bench.run()
    assert [(r["task_id"], r["sample"]) for r in bench.rows()] == [
        (f"Toy/{n % 3}", n // 3) for n in range(60)
    ] + [(f"Toy/{n % 3}", 20 + n // 3) for n in range(20)]
    assert bench.statuses() == ["passed"] * 80
    assert json.loads(bench.result.read_text())["samples"] == 80


def test_a_plus_benchmark_is_gone_on_with(bench: Bench, say: Say) -> None:
    bench.benchmark = made_up(tests=("base", "plus"))
    bench.write(say("passed/failed passed/passed failed/failed"))
    with pytest.raises(KeyboardInterrupt):
        bench.run(Told(stop_at=1))
    bench.run()
    assert [r["base_status"] for r in bench.rows()] == ["passed", "passed", "failed"]


def test_samples_that_change_under_a_run_are_noticed(bench: Bench, say: Say) -> None:
    bench.write(say("passed " * 5))
    work = plan(bench.benchmark, bench.samples)
    bench.write(say("passed " * 4))
    with (
        open_ledger(work, "hardened", bench.verdicts, bench.result) as ledger,
        pytest.raises(ProblemError, match="was changed while it was judged"),
    ):
        judge_samples(work, Told(), ledger)


def test_samples_that_are_replaced_by_others_of_the_same_tasks_are_noticed(
    bench: Bench, say: Say
) -> None:
    bench.write(say("passed " * 5))
    work = plan(bench.benchmark, bench.samples)
    bench.write(say("failed " * 5))
    with (
        open_ledger(work, "hardened", bench.verdicts, bench.result) as ledger,
        pytest.raises(ProblemError, match="was changed while it was judged"),
    ):
        judge_samples(work, Told(), ledger)
    assert not bench.result.exists()
