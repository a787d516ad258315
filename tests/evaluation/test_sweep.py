"""A sweep: rows of all variants, whatever ends it, and what goes wrong in one of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from codelathe.compression.variants import parse_variants
from codelathe.core.errors import DiskFull, EngineError, InUse, UsageError
from codelathe.evaluation.sweep import SWEEP, Swept, sweep
from codelathe.evaluation.sweep_rows import row_document
from fakes.sweeping import ASKED, Made

VARIANTS = parse_variants("q8_0,q4_1,wanda:0.5")
NAMES = ["original", "q8_0", "q4_1", "wanda:0.5"]


def swept(out: Path, made: Made | None = None) -> Swept:
    return sweep(ASKED, VARIANTS, out, (made or Made()).workshop)


def documents(found: Swept) -> list[object]:
    """The rows without the place that they lie in."""
    rows = [row_document(row) for row in found.rows]
    return [{**row, "model": Path(str(row["model"])).name} for row in rows]


def test_the_original_is_the_first_row(tmp_path: Path) -> None:
    assert [row.name for row in swept(tmp_path / "out").rows] == NAMES


def test_a_row_is_held_against_the_original_problem_by_problem(tmp_path: Path) -> None:
    row = swept(tmp_path / "out", Made({"original": 30, "q4_1": 20})).rows[2]
    assert row.shift is not None
    assert (len(row.shift.lost), len(row.shift.won)) == (10, 0)
    assert row.shift.change == pytest.approx(-0.25)
    assert row.shift.p == pytest.approx(2 / 2**10)


def test_the_interval_of_a_change_has_a_width_where_nothing_changed(tmp_path: Path) -> None:
    row = swept(tmp_path / "out").rows[1]
    assert row.shift is not None
    low, high = row.shift.interval
    assert low < -0.05 < 0.05 < high


def test_answers_that_are_the_same_program_are_counted(tmp_path: Path) -> None:
    row = swept(tmp_path / "out", Made({"q8_0": 30})).rows[1]
    assert row.shift is not None
    assert row.shift.equal == 30
    assert 0.75 < row.shift.alike < 1


def test_everything_that_a_row_has_is_in_the_file(tmp_path: Path) -> None:
    found = swept(tmp_path / "out")
    told = json.loads((tmp_path / "out" / SWEEP).read_text())
    assert told["rows"] == json.loads(json.dumps([row_document(row) for row in found.rows]))


@pytest.mark.parametrize("what", ["make q4_1", "measure q4_1", "ask q4_1"])
def test_a_variant_that_fails_is_a_row_with_its_reason(tmp_path: Path, what: str) -> None:
    made = Made(fails={what: EngineError("there is too little memory")})
    rows = swept(tmp_path / "out", made).rows
    assert [row.name for row in rows] == NAMES
    assert [row.failed for row in rows] == ["", "", "there is too little memory", ""]


def test_what_was_measured_before_a_variant_failed_is_told(tmp_path: Path) -> None:
    made = Made(fails={"ask q4_1": EngineError("no")}, speeds={"q4_1": 99.0})
    row = swept(tmp_path / "out", made).rows[2]
    assert row.measured is not None
    assert row.measured.decode_speed == 99.0


def test_a_failed_variant_is_tried_again_and_the_others_are_not(tmp_path: Path) -> None:
    swept(tmp_path / "out", Made(fails={"make q4_1": EngineError("no")}))
    again = Made()
    assert not any(row.failed for row in swept(tmp_path / "out", again).rows)
    assert again.called == ["make q4_1", "measure q4_1", "ask q4_1"]


def test_a_run_that_lost_an_answer_is_told_and_ends_nothing(tmp_path: Path) -> None:
    swept(tmp_path / "out")
    path = tmp_path / "out" / "q4_1" / "run" / "completions.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    rows = swept(tmp_path / "out").rows
    assert [bool(row.failed) for row in rows] == [False, False, True, False]
    assert "is not what the run left" in rows[2].failed


@pytest.mark.parametrize("text", ["", "3", "{}", '{"made": 1, "measured": {}}'])
def test_damaged_measures_are_told_and_end_nothing(tmp_path: Path, text: str) -> None:
    swept(tmp_path / "out")
    (tmp_path / "out" / "q4_1" / "variant.json").write_text(text)
    rows = swept(tmp_path / "out").rows
    assert [bool(row.failed) for row in rows] == [False, False, True, False]
    assert rows[2].failed.endswith("variant.json is damaged")


def test_a_full_disk_ends_a_sweep(tmp_path: Path) -> None:
    made = Made(fails={"make q8_0": DiskFull("full")})
    with pytest.raises(DiskFull):
        swept(tmp_path / "out", made)
    assert "make q4_1" not in made.called


def test_an_original_that_cannot_be_asked_ends_a_sweep(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no weights"):
        swept(tmp_path / "out", Made(fails={"ask original": EngineError("no weights")}))


@pytest.mark.parametrize("what", ["measure original", "make q4_1", "measure q4_1", "ask wanda:0.5"])
def test_an_interrupted_sweep_goes_on_to_the_same_rows(tmp_path: Path, what: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        swept(tmp_path / "out", Made(fails={what: KeyboardInterrupt()}))
    assert documents(swept(tmp_path / "out")) == documents(swept(tmp_path / "other"))


def test_a_finished_sweep_is_answered_without_work(tmp_path: Path) -> None:
    first = swept(tmp_path / "out")
    again = Made()
    assert documents(swept(tmp_path / "out", again)) == documents(first)
    assert again.called == []


_KILLED = """
import os, signal, sys
from pathlib import Path
from codelathe.compression.variants import parse_variants
from codelathe.evaluation.sweep import sweep
from fakes.sweeping import ASKED, Made

class Mortal(Made):
    def _begin(self, what):
        super()._begin(what)
        if what == sys.argv[2]:
            os.kill(os.getpid(), signal.SIGKILL)

sweep(ASKED, parse_variants("q8_0,q4_1,wanda:0.5"), Path(sys.argv[1]), Mortal().workshop)
"""


@pytest.mark.parametrize("what", ["make q8_0", "ask q4_1"])
def test_a_killed_sweep_goes_on_to_the_same_rows(tmp_path: Path, what: str) -> None:
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "out"), what]
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": tests}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert documents(swept(tmp_path / "out")) == documents(swept(tmp_path / "other"))
    assert not list((tmp_path / "out").glob(".*unfinished*"))


def test_what_a_killed_sweep_left_goes_with_the_next_whatever_that_makes(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "out"), "make q8_0"]
    tests = str(Path(__file__).parents[1])
    subprocess.run(command, env={**os.environ, "PYTHONPATH": tests}, check=False)
    assert list((tmp_path / "out").glob(".q8_0.unfinished*"))
    sweep(ASKED, parse_variants("q4_1"), tmp_path / "out", Made().workshop)
    assert not list((tmp_path / "out").glob(".*unfinished*"))


def test_a_sweep_that_was_killed_as_it_wrote_its_first_file_goes_on(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / f"{SWEEP}.new").write_text("{")
    assert [row.name for row in swept(tmp_path).rows] == NAMES


def test_more_methods_may_be_asked_for_later(tmp_path: Path) -> None:
    sweep(ASKED, VARIANTS[:1], tmp_path / "out", Made().workshop)
    more = Made()
    swept(tmp_path / "out", more)
    assert not [what for what in more.called if "original" in what or "q8_0" in what]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(ASKED, limit=5), "limit None, not 5"),
        (replace(ASKED, benchmark="mbpp"), "benchmark toy, not mbpp"),
        (replace(ASKED, sha256="7" * 64), "sha256"),
    ],
)
def test_a_sweep_of_something_else_is_refused_with_what_differs(
    tmp_path: Path, other: object, told: str
) -> None:
    swept(tmp_path / "out")
    with pytest.raises(UsageError, match=told):
        sweep(other, VARIANTS, tmp_path / "out", Made().workshop)


def test_a_second_process_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    out, second = tmp_path / "out", Made()

    class First(Made):
        def describe(self) -> dict[str, object]:
            with pytest.raises(InUse, match="another process is sweeping into"):
                swept(out, second)
            return super().describe()

    swept(out, First())
    assert second.called == []


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="no sweep"):
        swept(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"settings": 3}', "{"])
def test_a_damaged_file_is_told_and_not_written_over(tmp_path: Path, text: str) -> None:
    (tmp_path / SWEEP).write_text(text)
    with pytest.raises(UsageError, match="is damaged"):
        swept(tmp_path)
    assert (tmp_path / SWEEP).read_text() == text


@pytest.mark.parametrize(
    ("model", "stem"),
    [
        ("smollm2-135m", "smollm2-135m"),
        ("/models/my model/", "my-model"),
        ("/models/Some.Model-Q8_0.gguf", "Some.Model-Q8_0"),
        ("hf:owner/Model-1.5B:q8_0", "Model-1.5B-q8_0"),
        (f"/models/{'long' * 60}-1.5B", f"{'long' * 60}-1.5B"[-100:]),
    ],
)
def test_the_variants_names_begin_with_the_models(model: str, stem: str) -> None:
    assert replace(ASKED, model=model).stem == stem
