"""A model asked and judged: what comes out, and that any end is gone on from."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codelathe.benchmarks import Benchmark
from codelathe.core.errors import DiskFull, InUse, LatheError, RemoteTimeout, UsageError
from codelathe.core.generation import Completion, EngineInfo, Request, Watch
from codelathe.engines.scripted import ScriptedAnswer, ScriptedEngine
from codelathe.evaluation import generating
from codelathe.evaluation.evaluating import Hearing, Standing, Wish, folder_name
from codelathe.evaluation.transcript import Transcript
from fakes.evaluating import asking, model, planned, run
from fakes.judging import Told, made_up

SAYS = ("passed", "failed", "passed", "error")
FILES = ("completions.jsonl", "verdicts.jsonl")


def rows(folder: Path, name: str = "verdicts.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def contents(folder: Path) -> tuple[bytes, ...]:
    return tuple((folder / name).read_bytes() for name in FILES)


class Backwards:
    """Gives the answers of another engine the last first, as a batch may, and counts them."""

    def __init__(self, says: Sequence[str | LatheError], stop_at: int = -1) -> None:
        self._inner = model(says)
        self._stop_at = stop_at
        self.requests: list[Request] = []
        self.given = 0

    @property
    def info(self) -> EngineInfo:
        return self._inner.info

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        self.requests += requests
        return self._backwards(requests, watch)

    def _backwards(self, requests: Sequence[Request], watch: Watch | None) -> Generator[Completion]:
        for completion in reversed(list(self._inner.generate(requests, watch))):
            if self.given == self._stop_at:
                raise RemoteTimeout("gone")
            self.given += 1
            yield completion

    def close(self) -> None:
        """Nothing to free."""


def test_the_score_is_of_what_the_judge_says(tmp_path: Path) -> None:
    assert run(tmp_path / "run", SAYS).summary.scores["pass@1"].value == 0.5


def test_three_files_are_left_and_nothing_else(tmp_path: Path) -> None:
    run(tmp_path / "run", SAYS)
    assert {p.name for p in (tmp_path / "run").iterdir()} == {*FILES, "result.json"}


def test_the_raw_text_and_the_code_are_both_kept(tmp_path: Path) -> None:
    run(tmp_path / "run", SAYS)
    row = rows(tmp_path / "run", FILES[0])[0]
    assert row["completion"].startswith("def f(x)")
    assert row["solution"] == "def f(x):\n    return 0  # passed"


def test_the_prompt_is_kept_with_the_first_sample_of_each_problem(tmp_path: Path) -> None:
    run(tmp_path / "run", SAYS, wish=Wish(n=2))
    kept = ["Problem" in row.get("prompt", "") for row in rows(tmp_path / "run", FILES[0])]
    assert kept == [True, False] * 4


def test_the_signature_says_whom_was_asked_and_how(tmp_path: Path) -> None:
    run(tmp_path / "run", SAYS, wish=Wish(n=3, seed=7))
    signature = json.loads((tmp_path / "run" / "result.json").read_text())["signature"]
    assert signature["model"]["name"] == "m"
    assert signature["engine"] == {"name": "scripted", "version": "1"}
    assert signature["protocol"]["name"] == "fast-chat"
    assert signature["sampling"] == {
        "n": 3, "temperature": 0.8, "top_p": 0.95, "max_tokens": 768, "seed": 7
    }  # fmt: skip


def test_rows_stand_in_the_order_of_the_data_however_answers_come(tmp_path: Path) -> None:
    run(tmp_path / "forward", SAYS, wish=Wish(n=3))
    run(tmp_path / "back", SAYS, wish=Wish(n=3), engine=Backwards(SAYS))
    assert contents(tmp_path / "forward") == contents(tmp_path / "back")


@pytest.mark.parametrize("stop_at", range(12))
def test_a_model_that_goes_away_anywhere_leaves_what_is_gone_on_from(
    stop_at: int, tmp_path: Path
) -> None:
    run(tmp_path / "whole", SAYS, wish=Wish(n=3))
    broken = Backwards(SAYS, stop_at)
    with pytest.raises(RemoteTimeout):
        run(tmp_path / "run", SAYS, engine=broken, wish=Wish(n=3))
    again = Backwards(SAYS)
    run(tmp_path / "run", SAYS, engine=again, wish=Wish(n=3))
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")
    assert broken.given + again.given == 12


def test_what_a_model_wrote_before_it_went_away_is_judged(tmp_path: Path) -> None:
    with pytest.raises(RemoteTimeout):
        run(tmp_path / "run", ("passed", "failed", RemoteTimeout("gone")))
    assert [row["status"] for row in rows(tmp_path / "run")] == ["passed", "failed"]


@pytest.mark.parametrize("stop_at", range(4))
def test_a_run_that_is_interrupted_while_it_is_judged_comes_to_the_same_rows(
    stop_at: int, tmp_path: Path
) -> None:
    run(tmp_path / "whole", SAYS)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", SAYS, judge=Told(stop_at=stop_at))
    run(tmp_path / "run", SAYS)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


@pytest.mark.parametrize("cut", [1, 30])
def test_a_completion_that_is_cut_short_is_asked_for_again(cut: int, tmp_path: Path) -> None:
    run(tmp_path / "whole", SAYS)
    with pytest.raises(RemoteTimeout):
        run(tmp_path / "run", (*SAYS[:3], RemoteTimeout("gone")))
    (tmp_path / "run" / "verdicts.jsonl").unlink()
    path = tmp_path / "run" / FILES[0]
    os.truncate(path, path.stat().st_size - cut)
    run(tmp_path / "run", SAYS)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_a_finished_run_asks_nobody_and_runs_nothing(tmp_path: Path) -> None:
    first = run(tmp_path / "run", SAYS)
    engine, judge = Backwards(SAYS), Told()
    again = run(tmp_path / "run", SAYS, engine=engine, judge=judge)
    assert (again.summary, again.story) == (first.summary, first.story)
    assert not engine.requests
    assert not judge.ran


def test_a_finished_run_is_scored_for_another_k(tmp_path: Path) -> None:
    run(tmp_path / "run", SAYS, wish=Wish(n=2, ks=(1,)))
    again = run(tmp_path / "run", SAYS, wish=Wish(n=2, ks=(2,)))
    assert list(again.summary.scores) == ["pass@2"]


def test_verdicts_that_are_removed_are_judged_again_and_nothing_is_asked(tmp_path: Path) -> None:
    first = run(tmp_path / "run", SAYS)
    (tmp_path / "run" / "verdicts.jsonl").unlink()
    engine = Backwards(SAYS)
    again = run(tmp_path / "run", SAYS, engine=engine)
    assert (again.summary.scores, engine.requests) == (first.summary.scores, [])


@pytest.mark.parametrize(
    ("wish", "what"),
    [
        (Wish(n=2), "sampling.n"),
        (Wish(max_tokens=5), "sampling.max_tokens: 768 and 5"),
        (Wish(limit=2), "limit: null and 2"),
        (Wish(protocol="evalplus"), "protocol.name"),
        (Wish(mode="compat"), "mode"),
    ],
)
def test_a_folder_of_other_settings_is_refused_with_the_difference(
    wish: Wish, what: str, tmp_path: Path
) -> None:
    run(tmp_path / "run", SAYS)
    judge = Told()
    judge.name = wish.mode
    with pytest.raises(UsageError, match=what):
        run(tmp_path / "run", SAYS, wish=wish, judge=judge)


def test_a_half_done_folder_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RemoteTimeout):
        run(tmp_path / "run", ("passed", RemoteTimeout("gone")))
    with pytest.raises(UsageError, match=r"model\.name"):
        run(tmp_path / "run", ("passed", "failed"), name="other")


def test_a_folder_with_files_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / FILES[0]).write_text("mine\n")
    with pytest.raises(UsageError, match="of no run"):
        run(tmp_path / "run", SAYS)
    assert (tmp_path / "run" / FILES[0]).read_text() == "mine\n"


def test_completions_that_were_changed_are_not_taken_for_the_models(tmp_path: Path) -> None:
    run(tmp_path / "run", SAYS)
    path = tmp_path / "run" / FILES[0]
    path.write_text(path.read_text().replace("passed", "better"))
    with pytest.raises(UsageError, match="was changed"):
        run(tmp_path / "run", SAYS)


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    engine = model(SAYS)
    settings = planned(asking(), engine).settings
    with (
        Transcript(tmp_path / "run", settings, ["Toy/0"], 1),
        pytest.raises(InUse, match="another process"),
    ):
        run(tmp_path / "run", SAYS)


def test_samples_of_one_problem_have_seeds_of_their_own(tmp_path: Path) -> None:
    run(tmp_path / "run", SAYS, wish=Wish(n=5))
    seeds = [row["seed"] for row in rows(tmp_path / "run", FILES[0])]
    assert len(set(seeds)) == 20


def test_the_seed_of_a_sample_does_not_depend_on_what_is_asked_with_it(tmp_path: Path) -> None:
    many, few = Backwards(SAYS), Backwards(SAYS, stop_at=5)
    run(tmp_path / "whole", SAYS, engine=many, wish=Wish(n=3))
    with pytest.raises(RemoteTimeout):
        run(tmp_path / "run", SAYS, engine=few, wish=Wish(n=3))
    run(tmp_path / "run", SAYS, engine=Backwards(SAYS), wish=Wish(n=3))
    assert rows(tmp_path / "run", FILES[0]) == rows(tmp_path / "whole", FILES[0])


def test_greedy_answers_have_no_seed(tmp_path: Path) -> None:
    run(tmp_path / "run", SAYS)
    assert {row["seed"] for row in rows(tmp_path / "run", FILES[0])} == {None}


def explaining() -> Benchmark:
    """Four tasks whose solutions are to be explained, and rebuilt from that."""
    benchmark = asking(4)
    tasks = {
        id_: replace(
            task,
            canonical=f"def f(x):\n    return {i}  # passed",
            prefix="def f(x):\n",
            texts={"docstring": "As long as an explanation may be, and no longer than that."},
        )
        for i, (id_, task) in enumerate(benchmark.tasks.items())
    }
    return replace(benchmark, tasks=tasks, kind="explain")


def explainer(stop_at: int = -1) -> ScriptedEngine:
    """Explains solution `i` as "Gives i." and rebuilds it from that, well where `i` is even."""
    explains = [ScriptedAnswer(f"Gives {i}.", match=rf"return {i} ", repeat=True) for i in range(4)]
    rebuilds = [
        ScriptedAnswer(error=RemoteTimeout("gone"), match=rf"Gives {i}\.", repeat=True)
        if i == stop_at
        else ScriptedAnswer(
            f"    return {i}  # {('passed', 'failed')[i % 2]}\n```", rf"Gives {i}\.", repeat=True
        )
        for i in range(4)
    ]
    return ScriptedEngine([*rebuilds, *explains])


def test_what_is_rebuilt_from_an_explanation_decides(tmp_path: Path) -> None:
    run(tmp_path / "run", engine=explainer(), benchmark=explaining())
    assert [row["status"] for row in rows(tmp_path / "run")] == ["passed", "failed"] * 2
    assert rows(tmp_path / "run", FILES[0])[1]["explanation"] == "Gives 1."
    assert rows(tmp_path / "run", FILES[0])[1]["solution"].startswith("def f(x):")


def test_a_run_of_explanations_is_gone_on_with(tmp_path: Path) -> None:
    run(tmp_path / "whole", engine=explainer(), benchmark=explaining())
    with pytest.raises(RemoteTimeout):
        run(tmp_path / "run", engine=explainer(stop_at=2), benchmark=explaining())
    run(tmp_path / "run", engine=explainer(), benchmark=explaining())
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_a_limit_takes_the_first_problems_of_the_data(tmp_path: Path) -> None:
    found = run(tmp_path / "run", SAYS, wish=Wish(limit=3)).summary
    assert [row["task_id"] for row in rows(tmp_path / "run")] == ["Toy/0", "Toy/1", "Toy/2"]
    assert (found.problems, found.unattempted) == (3, 1)


@pytest.mark.parametrize(
    "wish",
    [
        {"n": 0}, {"n": 2, "ks": (3,)}, {"n": 2, "temperature": 0.0}, {"temperature": 3.0},
        {"limit": 0}, {"seed": -1}, {"ks": (0,)},
    ],
)  # fmt: skip
def test_a_wish_that_makes_no_sense_is_refused_before_anything_is_opened(
    wish: dict[str, Any],
) -> None:
    with pytest.raises(UsageError):
        Wish(**wish)


def test_runs_that_differ_in_anything_have_folders_of_their_own() -> None:
    engine = model(SAYS)
    wishes = [Wish(), Wish(seed=1, n=2), Wish(n=2), Wish(limit=1), Wish(max_tokens=9)]
    names = {folder_name(planned(asking(), engine, wish)) for wish in wishes}
    assert len(names) == len(wishes)


def test_the_benchmarks_own_solutions_are_run_once_for_all_runs(tmp_path: Path) -> None:
    first, second = Told(), Told()
    run(tmp_path / "one", SAYS, judge=first)
    run(tmp_path / "two", SAYS, judge=second)
    assert ("# passed" in first.ran, "# passed" in second.ran) == (True, False)


def test_a_solution_of_the_benchmark_that_fails_is_told_and_kept(tmp_path: Path) -> None:
    said: list[str] = []
    benchmark = asking(4)
    tasks = {**benchmark.tasks}
    broken = made_up(1).tasks["Toy/0"]
    object.__setattr__(tasks["Toy/1"], "canonical", broken.canonical.replace("passed", "timeout"))
    found = run(tmp_path / "run", SAYS, benchmark=benchmark, hearing=Hearing(say=said.append))
    assert found.story["own_solutions_failing"] == {"Toy/1": "timeout"}
    assert "Toy/1" in said[0]


def test_progress_has_passes_and_tokens(tmp_path: Path) -> None:
    heard: list[Standing] = []
    run(tmp_path / "run", SAYS, hearing=Hearing(standing=heard.append))
    last = heard[-1]
    assert (last.written, last.judged, last.total, last.passed) == (4, 4, 4, 2)
    assert last.tokens > 0


def test_a_full_disk_is_told_and_what_was_done_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, done = Transcript.put, []

    def full(self: Transcript, index: int, row: Any) -> None:
        if len(done) == 2:
            raise DiskFull("the disk is full")
        done.append(index)
        put(self, index, row)

    monkeypatch.setattr(Transcript, "put", full)
    with pytest.raises(DiskFull):
        run(tmp_path / "run", SAYS)
    monkeypatch.undo()
    run(tmp_path / "run", SAYS)
    assert len(rows(tmp_path / "run")) == 4


KILLED = """
    import sys, time
    from pathlib import Path
    from fakes.evaluating import model, run
    from fakes.judging import Told
    from codelathe.evaluation.evaluating import Wish

    class Slow:
        def __init__(self):
            self._inner = model(["passed", "failed", "passed", "error"])
            self.info = self._inner.info
        def generate(self, requests, watch=None):
            for completion in self._inner.generate(requests, watch):
                time.sleep(0.004)
                yield completion
        def close(self): pass

    print("ready", flush=True)
    run(Path(sys.argv[1]), "abcd", engine=Slow(), judge=Told(pause=0.003), wish=Wish(n=10))
"""


@pytest.mark.parametrize("after", [0.0, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25])
def test_a_run_killed_at_any_moment_comes_to_the_same_rows(after: float, tmp_path: Path) -> None:
    run(tmp_path / "whole", SAYS, wish=Wish(n=10))
    program = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "run")]
    path = os.pathsep.join(p for p in sys.path if p)
    with subprocess.Popen(
        program, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
    run(tmp_path / "run", SAYS, wish=Wish(n=10))
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


class Lingering(Backwards):
    """Takes a while to end after the last answer."""

    def _backwards(self, requests: Sequence[Request], watch: Watch | None) -> Generator[Completion]:
        yield from super()._backwards(requests, watch)
        time.sleep(0.2)


def test_a_result_has_the_seconds_of_writing_however_fast_the_judge_is(tmp_path: Path) -> None:
    story = run(tmp_path / "run", SAYS, engine=Lingering(SAYS)).story
    assert story["generation"]["seconds"] > 0
    assert story["generation"]["tokens_per_second"] is not None


def test_a_session_that_was_killed_does_not_flatter_the_speed_of_writing(tmp_path: Path) -> None:
    with pytest.raises(RemoteTimeout):
        run(tmp_path / "run", (*SAYS[:3], RemoteTimeout("gone")))
    journal = tmp_path / "run" / "completions.jsonl.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(x for x in lines if not x.startswith(b'{"note": {"seconds"')))
    told = run(tmp_path / "run", SAYS, engine=Lingering(SAYS)).story["generation"]
    own = rows(tmp_path / "run", FILES[0])[3]["completion_tokens"]
    assert told["tokens_per_second"] == pytest.approx(own / told["seconds"], abs=0.1)


def test_the_seconds_of_writing_are_noted_while_they_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generating, "NOTED", 0.0)
    with pytest.raises(RemoteTimeout):
        run(tmp_path / "run", (*SAYS[:3], RemoteTimeout("gone")))
    journal = (tmp_path / "run" / "completions.jsonl.journal").read_text()
    assert journal.count('{"note": {"seconds"') > 3


def test_judged_again_a_run_has_the_speed_that_it_had(tmp_path: Path) -> None:
    first = run(tmp_path / "run", SAYS, engine=Lingering(SAYS)).story
    (tmp_path / "run" / "verdicts.jsonl").unlink()
    assert run(tmp_path / "run", SAYS).story["generation"] == first["generation"]


def test_a_cache_that_cannot_be_written_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert run(tmp_path / "run", SAYS).summary.scores["pass@1"].value == 0.5


def test_a_long_name_of_a_model_makes_a_name_that_a_folder_can_have() -> None:
    plan = planned(asking(), model(SAYS), name="m" * 300)
    assert len(folder_name(plan)) < 255
