"""What a user names as data: files of their own, or a data set on the hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from codelathe.core.errors import InputError
from codelathe.core.modelref import ModelRef, parse_model_ref
from codelathe.store import Progress

_HUB = "hf:"


class DataStore(Protocol):
    """Where data sets of the hub are kept."""

    def data_files(self, ref: ModelRef, progress: Progress | None = None) -> tuple[Path, ...]:
        """The files of one part of the data set `ref`."""
        ...


def find_files(
    names: Sequence[str], store: DataStore, progress: Progress | None = None
) -> tuple[Path, ...]:
    """The files that `names` stand for: paths, and `hf:OWNER/REPO[@REVISION][:PART]`.

    Raises:
        InputError: a name is no file, or it is not clear which files of a data set are meant.
        StoreError: a data set cannot be had.
    """
    files: list[Path] = []
    for name in names:
        if name.startswith(_HUB):
            files += store.data_files(parse_model_ref(name), progress)
        elif not Path(name).is_file():
            what = "is a folder, not a file" if Path(name).is_dir() else "is no file"
            raise InputError(
                f"{name} {what}",
                hint="name files of rows, or a data set of the hub: hf:OWNER/REPO",
                field="data",
            )
        else:
            files.append(Path(name))
    return tuple(files)
