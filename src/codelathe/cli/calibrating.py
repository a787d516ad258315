"""`--calibration FILE`, which the verbs that compress share: what is in it, as texts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codelathe.cli.console import Output

if TYPE_CHECKING:
    from codelathe.compression.calibration import Texts

#: Files of training data; of any other kind is a text.
_ROWS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".gz")


def calibration_texts(name: str, output: Output) -> Texts:
    """What the rows of a file of training data say, or a text of any other kind as it is.

    Raises:
        InputError: it cannot be read, or holds no rows.
        StoreError: a data set cannot be had.
    """
    from codelathe.compression.calibration import Texts

    if name.startswith("hf:") or name.lower().endswith(_ROWS):
        from codelathe.cli.training_data import read_data
        from codelathe.training.data.loading import require_rows

        loaded = read_data([name], "", output)
        require_rows(loaded)
        return Texts(tuple(row.text for row in loaded.rows), name)
    from codelathe.cli.files import read_text

    return Texts((read_text(Path(name)),), name)
