"""Where things are kept on this machine, and nothing else: no folder is made here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from codelathe.core.errors import InputError

VARIABLE = "CODELATHE_HOME"


def home() -> Path:
    """The folder `CODELATHE_HOME` names, else the one this system keeps user data in.

    Raises:
        InputError: it is in the home of a user who does not exist.
    """
    named = os.environ.get(VARIABLE, "")
    if named:
        return expanded(named).absolute()
    from platformdirs import user_data_path

    return user_data_path("codelathe", appauthor=False)


def expanded(path: str) -> Path:
    """`path` with the home that a `~` at its beginning stands for.

    Raises:
        InputError: nobody has that home.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InputError(f"{path} is in the home of nobody here") from None


@dataclass(frozen=True, slots=True)
class Folders:
    """The rooms of a home."""

    root: Path

    @property
    def models(self) -> Path:
        """Weights, a folder a model, named by SHA-256."""
        return self.root / "models"

    @property
    def datasets(self) -> Path:
        """Benchmark and training data, kept like the models."""
        return self.root / "datasets"

    @property
    def runs(self) -> Path:
        """What commands leave behind: completions, verdicts, results, tuned models."""
        return self.root / "runs"

    @property
    def board(self) -> Path:
        """Rows of the board that were imported from other harnesses."""
        return self.root / "board"

    @property
    def catalogue(self) -> Path:
        """The user's own catalogue, merged over the built-in one where it exists."""
        return self.root / "catalogue.toml"
