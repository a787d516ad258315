"""A run of the encoder-decoder: into its folder, from the beginning or where it stopped.

What is left behind is as of any tuning (`training.tuning.folder`), and beside it the model's
answers to rows that it did not learn from, greedy and by beam search, each a file that
`lathe evaluate similarity` scores as it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.core.errors import UsageError
from codelathe.core.fresh import peak_memory
from codelathe.core.lineage import Lineage, write_lineage
from codelathe.text.chat import ChatTemplate
from codelathe.training.data.fitting import parse_policy
from codelathe.training.data.preparing import Parted
from codelathe.training.data.rows import Row
from codelathe.training.data.tokens import Tokens
from codelathe.training.recipe import Recipe
from codelathe.training.scratch.pairs import (
    PairRendering,
    Pairs,
    render_pairs,
    require_pairs,
    source_text,
)
from codelathe.training.tuning import folder as runs
from codelathe.training.tuning.batches import documents_sha256
from codelathe.training.tuning.card import write_card
from codelathe.training.tuning.listening import Listener
from codelathe.training.tuning.metrics import draw, read_metrics, write_events
from codelathe.training.tuning.result import Tuned

if TYPE_CHECKING:
    from codelathe.training.scratch._torch_pairs import PairRun, State
    from codelathe.training.scratch.making import New

#: Rows that are answered at the end.
_ANSWERED = 200
_TENTH = 10


def learn_pairs(
    new: New, parted: Parted, recipe: Recipe, listener: Listener
) -> tuple[Tuned, Mapping[str, Path]]:
    """Train `new` on the pairs of `parted`; the result, and the files of its answers.

    Raises:
        InputError: nothing fits the context.
        UsageError: another run is in the folder.
        InUse: another process is.
        EngineError: too little memory.
        TuningStopped: the loss is no number any more.
        DiskFull: no room for a checkpoint.
        KeyboardInterrupt: as asked for; what was done is kept in a checkpoint.
    """
    _require_one_process()
    template = new.template
    assert template is not None
    out = Path(recipe.out).expanduser()
    length = recipe.data.max_length
    from codelathe.training.tuning._torch_told import quiet, told_of_memory

    how = PairRendering(new.own, template, length, parse_policy(recipe.data.long))
    train = render_pairs(parted.parts.train, how)
    require_pairs(train, length, "training")
    validation = render_pairs(parted.parts.validation, how)
    _tell(listener, train, how.long)
    with runs.held(out):
        found = runs.claim(out, _identity(recipe, train, validation))
        runs.clear_halves(out)
        if "result" not in found:
            with quiet(), told_of_memory(recipe):
                tuned = _run(new, recipe, (train, validation), listener)
                answers = _answer(new, parted, template, recipe)
            write_card(out, "", recipe, tuned)
            found = {
                **found,
                "result": tuned.document(),
                "answers": {name: path.name for name, path in answers.items()},
            }
            runs.write_json(out / runs.RUN, found)
        paths = {name: out / file for name, file in found["answers"].items()}
        return replace(Tuned.from_document(found["result"]), path=str(out)), paths


def _run(new: New, recipe: Recipe, pairs: tuple[Pairs, Pairs], listener: Listener) -> Tuned:
    from codelathe.training.scratch._torch_pairs import PairRun, train_pairs

    out = Path(recipe.out).expanduser()

    def save(folder: Path) -> None:
        new.model.save_pretrained(folder)
        new.tokenizer.save_pretrained(folder)
        write_lineage(folder, Lineage("checkpoint", "", "", "", recipe.document(), "tune"))

    run = PairRun(new.model, *pairs, recipe, out, save)
    try:
        state = train_pairs(run, listener)
    finally:
        with runs.disk_errors(out):
            draw(out, "from scratch, encoder-decoder")
            write_events(out / "tensorboard", read_metrics(out))
    with runs.disk_errors(out):
        save(out)
    return _result(state, run)


def _result(state: State, run: PairRun) -> Tuned:
    last = state.losses[-max(1, len(state.losses) // _TENTH) :]
    return Tuned(
        path=str(run.folder),
        kind="checkpoint",
        steps=state.step,
        loss=sum(last) / len(last),
        validation_before=state.validations.get(0),
        validation=state.validation,
        best=state.best([step for step in state.validations if step]),
        tokens=state.tokens,
        supervised=state.supervised,
        seconds=round(state.seconds, 3),
        peak_memory=peak_memory(),
    )


def _answer(new: New, parted: Parted, template: ChatTemplate, recipe: Recipe) -> dict[str, Path]:
    """Answer rows of the test part, else of the validation, else of what was learned."""
    from codelathe.training.scratch._torch_pairs import write_answers

    parts = parted.parts
    rows = (parts.test or parts.validation or parts.train)[:_ANSWERED]
    assert recipe.scratch is not None
    length = recipe.data.max_length
    # What does not fit is cut and not dropped here: each row has its answer.
    how = PairRendering(new.own, template, length, "cut")
    sources = [pair.source for pair in render_pairs(rows, how).pairs]
    files = {}
    for name, beams in (("greedy", 1), ("beam", recipe.scratch.beams)):
        written = write_answers(new.model, sources, length, beams)
        texts = new.own.decode_batch(written, skip_special_tokens=True)
        files[name] = Path(recipe.out).expanduser() / f"answers-{name}.jsonl"
        with runs.disk_errors(files[name]):
            files[name].write_text(_lines(rows, texts, template), encoding="utf-8")
    return files


def _lines(rows: Sequence[Row], texts: Sequence[str], template: ChatTemplate) -> str:
    documents = (
        {
            "id": row.name,
            "prompt": source_text(row, template),
            "prediction": text,
            "reference": row.learned,
        }
        for row, text in zip(rows, texts, strict=True)
    )
    return "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)


def _identity(recipe: Recipe, *parts: Pairs) -> dict[str, Any]:
    """What decides the result, in the form of other tunings'."""
    documents = [
        [
            Tokens(
                pair.source + pair.target,
                (False,) * len(pair.source) + (True,) * len(pair.target),
            )
            for pair in part.pairs
        ]
        for part in parts
    ]
    return {
        "recipe": recipe.document(),
        "base_sha256": "",
        "data_sha256": documents_sha256(*documents),
    }


def _require_one_process() -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "an encoder-decoder is trained by one process, and accelerate started several",
            hint="lathe tune RECIPE.toml",
        )


def _tell(listener: Listener, train: Pairs, policy: str) -> None:
    if train.long:
        done = "left out" if policy == "drop" else "cut"
        listener.say(
            f"{train.long:,} of {len(train.pairs) + train.dropped:,} pairs are longer than the "
            f"context and {done}"
        )
