"""Training from nothing: stored losses, the same twice, resumed to the same, what stops it."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from codelathe.core.checkpoint import read_checkpoint_header  # noqa: E402
from codelathe.core.errors import DiskFull, InputError, UsageError  # noqa: E402
from codelathe.core.generation import Message, Request, Sampling  # noqa: E402
from codelathe.core.lineage import read_lineage  # noqa: E402
from codelathe.training.data.rows import Chat, Hole, Pair, Row, Text  # noqa: E402
from codelathe.training.recipe import Recipe  # noqa: E402
from codelathe.training.recipe_reading import parse_recipe  # noqa: E402
from codelathe.training.scratch.making import Made, make_from_scratch  # noqa: E402
from codelathe.training.tuning import Standing, TuningStopped  # noqa: E402
from codelathe.wiring import new_model, open_engine  # noqa: E402

NAMES = (
    "add", "take", "join", "fold", "turn", "mark", "send", "keep", "drop", "wait", "open", "cast",
)  # fmt: skip
SHAPE = {"layers": 1, "width": 32, "heads": 4, "vocabulary": 320}


pytestmark = pytest.mark.usefixtures("one_thread")


class Listening:
    """Keeps what it hears; `stop_at` interrupts as a kill would, between two steps."""

    def __init__(self, stop_at: int = 0) -> None:
        self.steps: list[Standing] = []
        self.said: list[str] = []
        self._stop_at = stop_at

    def hear(self, now: Standing, /) -> None:
        self.steps.append(now)
        if now.step == self._stop_at:
            raise _Killed

    def say(self, message: str, /) -> None:
        self.said.append(message)


class _Killed(Exception):
    pass


def texts() -> list[Row]:
    return [
        Row(Text(f"def {name}(value):\n    return {name}_all(value, {n})\n"), "text", "f", n)
        for n, name in enumerate(NAMES, 1)
    ]


def pairs() -> list[Row]:
    return [
        Row(Pair(f"def {name}(value): return {n}", f"Return what {name} says."), "prompt", "f", n)
        for n, name in enumerate(NAMES, 1)
    ]


def recipe(tmp_path: Path, architecture: str, **train: Any) -> Recipe:
    data = tmp_path / "rows.jsonl"
    data.write_text("{}\n")
    return parse_recipe({
        "out": str(tmp_path / "out"),
        "data": {"files": [str(data)], "max_length": 48, "validation": 0.15, "test": 0.15,
                 "near": 0, "by": "row", "against": []},
        "scratch": {"architecture": architecture, **SHAPE},
        "train": {"steps": 6, "rows": 4, "evaluate_every": 3, "save_every": 2,
                  "learning_rate": 0.003, "precision": "float32", **train},
    })  # fmt: skip


def made(tmp_path: Path, architecture: str, listener: Any = None, **train: Any) -> Made:
    rows = pairs() if architecture == "encoder-decoder" else texts()
    how = recipe(tmp_path, architecture, **train)
    return make_from_scratch(rows, how, new_model, listener or Listening())


def course(tmp_path: Path) -> dict[str, list[tuple[int, float]]]:
    lines = (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return {
        name: [(row["step"], row[name]) for row in rows if name in row]
        for name in ("loss", "validation_loss")
    }


BOTH = pytest.mark.parametrize("architecture", ["llama", "encoder-decoder"])


@BOTH
def test_the_same_run_twice_has_equal_losses(tmp_path: Path, architecture: str) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        made(tmp_path / name, architecture)
    assert course(tmp_path / "one") == course(tmp_path / "two")


def test_a_run_that_was_killed_goes_on_to_the_same_losses(tmp_path: Path) -> None:
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    made(tmp_path / "whole", "encoder-decoder")
    with pytest.raises(_Killed):
        made(tmp_path / "killed", "encoder-decoder", Listening(stop_at=5))
    listener = Listening()
    made(tmp_path / "killed", "encoder-decoder", listener)
    assert listener.steps[0].step == 5  # checkpoints are of every second step
    assert course(tmp_path / "killed") == course(tmp_path / "whole")


@pytest.mark.parametrize(
    ("architecture", "stored"),
    [
        ("llama", [5.7223, 5.4751, 5.4058]),
        ("gpt2", [5.7571, 5.5246, 5.4801]),
        ("codegen", [5.7399, 5.4230, 5.3688]),
        ("encoder-decoder", [6.1981, 5.1339, 4.9134]),
    ],
)
def test_losses_are_as_stored(tmp_path: Path, architecture: str, stored: list[float]) -> None:
    made(tmp_path, architecture)
    found = [loss for _, loss in course(tmp_path)["validation_loss"]]
    assert found == pytest.approx(stored, abs=1e-3)


@BOTH
def test_the_result_is_a_checkpoint_that_the_engine_writes_with(
    tmp_path: Path, architecture: str
) -> None:
    out = made(tmp_path, architecture).tuned.path
    header = read_checkpoint_header(out)
    lineage = read_lineage(out)
    assert header.has_safetensors
    assert header.has_tokenizer
    assert lineage is not None
    assert (lineage.kind, lineage.base, lineage.made_by) == ("checkpoint", "", "tune")
    engine = open_engine(out)
    request = Request(prompt="def add(value):", sampling=Sampling(max_tokens=4))
    (answer,) = engine.generate([request])
    assert answer.completion_tokens > 0


def test_the_encoder_decoder_answers_the_code_in_a_question(tmp_path: Path) -> None:
    engine: Any = open_engine(made(tmp_path, "encoder-decoder").tuned.path)
    asked = Request(messages=(Message("user", "Explain.\n\n```python\ndef f(): pass\n```"),))
    assert engine._tokens(asked) == engine._tokens(Request(prompt="def f(): pass"))


def test_a_done_run_answers_at_once(tmp_path: Path) -> None:
    first = made(tmp_path, "encoder-decoder")
    listener = Listening()
    again = made(tmp_path, "encoder-decoder", listener)
    assert not listener.steps
    assert (again.tuned, again.answers) == (first.tuned, first.answers)


def test_a_folder_of_another_run_is_refused_with_what_differs(tmp_path: Path) -> None:
    made(tmp_path, "encoder-decoder")
    with pytest.raises(UsageError, match=r"recipe\.train\.rows is 4 there and 3 here"):
        made(tmp_path, "encoder-decoder", rows=3)


@BOTH
def test_parts_of_a_step_add_up_to_the_step(tmp_path: Path, architecture: str) -> None:
    for name, accumulate in (("whole", 1), ("parts", 2)):
        (tmp_path / name).mkdir()
        how = recipe(tmp_path / name, architecture, accumulate=accumulate, steps=2)
        rows = pairs() if architecture == "encoder-decoder" else texts()
        # Dropout is drawn part by part.
        make_from_scratch(rows, _undropped(how), new_model, Listening())
    whole, parts = (course(tmp_path / name)["loss"] for name in ("whole", "parts"))
    assert [loss for _, loss in parts] == pytest.approx([loss for _, loss in whole], abs=1e-4)


def test_the_encoder_decoder_learns_its_pairs_by_heart(tmp_path: Path) -> None:
    how = recipe(tmp_path, "encoder-decoder", steps=150, rows=8, learning_rate=0.01, save_every=500)
    found = make_from_scratch(pairs(), _undropped(how), new_model, Listening())
    assert found.tuned.loss < 0.05
    learned = {f"Return what {name} says." for name in NAMES}
    assert found.answers
    for path in found.answers.values():
        answers = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert {answer["prediction"] for answer in answers} <= learned


def _undropped(how: Recipe) -> Recipe:
    from codelathe.training.recipe import override

    return override(how, scratch={"dropout": 0.0})


def test_a_loss_that_is_no_number_stops_the_run_at_the_last_good_state(tmp_path: Path) -> None:
    def build(config: Any, seed: int) -> Any:
        model = new_model(config, seed)
        model.register_forward_hook(spoil)
        return model

    passes: list[int] = []

    def spoil(module: Any, _: Any, output: Any) -> Any:
        passes.append(module.training)
        if sum(passes) == 4:
            output.loss = output.loss * float("nan")
        return output

    with pytest.raises(TuningStopped, match="became nan at step 4") as error:
        make_from_scratch(pairs(), recipe(tmp_path, "encoder-decoder"), build, Listening())
    assert "step-00000002 is the last good one" in error.value.hint
    assert "learning_rate" in error.value.hint


def test_a_full_disk_is_told_and_the_run_goes_on_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    made(whole, "encoder-decoder")
    usual = torch.save
    saves: list[Any] = []

    def full(*given: Any, **more: Any) -> None:
        saves.append(given)
        if len(saves) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        usual(*given, **more)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(DiskFull, match="no room"):
        made(tmp_path, "encoder-decoder")
    made(tmp_path, "encoder-decoder")
    assert course(tmp_path) == course(whole)


def test_instructions_want_turns(tmp_path: Path) -> None:
    rows = [Row(Pair("Write f.", "def f(): pass", asked=True), "instruction", "f", 1), *texts()]
    with pytest.raises(InputError, match="1 of 13 rows are instructions or messages") as error:
        make_from_scratch(rows, recipe(tmp_path, "llama"), new_model, Listening())
    assert "chat = true" in error.value.hint


def test_a_decoder_with_turns_learns_chats_and_is_asked_by_its_template(tmp_path: Path) -> None:
    from codelathe.training.recipe import override

    rows = [
        Row(Chat((Message("user", f"Say {n}."), Message("assistant", f"I say {n}."))), "messages",
            "f", n) for n in range(12)
    ]  # fmt: skip
    how = override(recipe(tmp_path, "llama", steps=2), scratch={"chat": True})
    out = make_from_scratch(rows, how, new_model, Listening()).tuned.path
    assert "messages" in open_engine(out).info.features


def test_holes_can_be_learned(tmp_path: Path) -> None:
    rows = [
        Row(Hole(f"def {name}(", "): pass", f"value{n}"), "fill-in-the-middle", "f", n)
        for n, name in enumerate(NAMES)
    ]
    found = make_from_scratch(rows, recipe(tmp_path, "gpt2", steps=2), new_model, Listening())
    assert found.tuned.supervised > 0


def test_a_vocabulary_larger_than_the_data_is_told(tmp_path: Path) -> None:
    listener = Listening()
    found = made(tmp_path, "llama", listener, steps=2)
    assert found.shape.vocabulary < SHAPE["vocabulary"]
    assert any(f"{found.shape.vocabulary} tokens" in told for told in listener.said)


def test_rows_that_are_no_pairs_are_told_and_left_out(tmp_path: Path) -> None:
    listener = Listening()
    how = recipe(tmp_path, "encoder-decoder", steps=2)
    make_from_scratch([*pairs(), *texts()[:2]], how, new_model, listener)
    assert any(told.startswith("2 rows are no pairs") for told in listener.said)


def test_pairs_longer_than_the_context_are_told_and_left_out(tmp_path: Path) -> None:
    from codelathe.training.recipe import override

    listener = Listening()
    long = Row(Pair("x + y " * 60, "Adds."), "prompt", "f", 99)
    how = override(
        recipe(tmp_path, "encoder-decoder", steps=2), data={"validation": 0.0, "test": 0.0}
    )
    make_from_scratch([*pairs(), long], how, new_model, listener)
    assert "1 of 13 pairs are longer than the context and left out" in listener.said


def test_texts_longer_than_the_context_are_told(tmp_path: Path) -> None:
    listener = Listening()
    rows = [*texts(), *texts()[:2], Row(Text("x = 1\n" * 90), "text", "f", 99)]
    make_from_scratch(rows, recipe(tmp_path, "llama"), new_model, listener)
    assert any(said.startswith("1 row is longer than 48 tokens: 1 left") for said in listener.said)
    assert any(said.startswith("2 rows say what others say") for said in listener.said)


def test_pairs_that_say_the_same_are_told(tmp_path: Path) -> None:
    listener = Listening()
    rows = [*pairs(), *pairs()[:3]]
    make_from_scratch(rows, recipe(tmp_path, "encoder-decoder"), new_model, listener)
    assert any(said.startswith("3 rows say what others say") for said in listener.said)


def test_a_done_run_that_was_moved_is_answered_where_it_is(tmp_path: Path) -> None:
    made(tmp_path, "encoder-decoder")
    (tmp_path / "out").rename(tmp_path / "there")
    how = replace(recipe(tmp_path, "encoder-decoder"), out=str(tmp_path / "there"))
    assert make_from_scratch(pairs(), how, new_model, Listening()).tuned.path == how.out


def test_one_row_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is left"):
        make_from_scratch(pairs()[:1], recipe(tmp_path, "encoder-decoder"), new_model, Listening())
