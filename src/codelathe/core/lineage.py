"""Where a tuned or compressed model comes from: `lathe.json` in its folder.

Whatever makes a model of a model writes this file beside the weights, so that others can tell
what it was made from, by hash, and how. It says nothing of the weights themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from codelathe import __version__
from codelathe.core.errors import ModelFileError

LINEAGE = "lathe.json"
Kind = Literal["adapter", "checkpoint"]
_KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a model was made from, and how.

    `kind` is `adapter` where only changes to the base are in the folder, `checkpoint` where the
    whole model is. `base` names the weights underneath, which have the SHA-256 `base_sha256`;
    `parent` the model it was made from, which may itself be an adapter on that base. `recipe` is
    the whole configuration, `made_by` the verb, `details` what that verb says beside (for
    example `pruning`).
    """

    kind: Kind
    base: str
    base_sha256: str
    parent: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    made_by: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    codelathe: str = __version__

    @property
    def recipe_sha256(self) -> str:
        """The SHA-256 of the recipe, whatever the order of its fields."""
        return recipe_sha256(self.recipe)

    def document(self) -> dict[str, Any]:
        """As the file has it: the details stand beside the fields."""
        own = {
            "kind": self.kind,
            "base": self.base,
            "base_sha256": self.base_sha256,
            "parent": self.parent,
            "made_by": self.made_by,
            "recipe": dict(self.recipe),
            "recipe_sha256": self.recipe_sha256,
            "codelathe": self.codelathe,
        }
        return {**self.details, **own}


def recipe_sha256(recipe: Mapping[str, Any]) -> str:
    """The SHA-256 of a configuration, whatever the order of its fields."""
    text = json.dumps(recipe, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def write_lineage(folder: Path | str, lineage: Lineage) -> Path:
    """Write the file into `folder`, whole or not at all; its path.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(folder) / LINEAGE
    fresh = path.with_name(f"{LINEAGE}.{os.getpid()}.new")
    text = json.dumps(lineage.document(), ensure_ascii=False, indent=2) + "\n"
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return path


def read_lineage(model: Path | str) -> Lineage | None:
    """What the model in a folder, or in one file, was made from; None where nothing says it.

    Beside a file it stands with that file's name before its own.

    Raises:
        ModelFileError: the file is damaged.
    """
    place = Path(model)
    path = place.with_name(f"{place.name}.{LINEAGE}") if place.is_file() else place / LINEAGE
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"is not JSON: {error}") from None
    except OSError as error:
        raise ModelFileError(f"cannot read {path}: {error.strerror}") from None
    if not isinstance(document, dict):
        raise _damaged(path, "is not a JSON object")
    return _parse(document, path)


def add_details(folder: Path | str, details: Mapping[str, Any]) -> Lineage | None:
    """Say more of the model in `folder`, where anything is said of it; what is said then.

    Raises:
        ModelFileError: the file is damaged.
        OSError: it cannot be written.
    """
    before = read_lineage(folder)
    if before is None:
        return None
    lineage = replace(before, details={**before.details, **details})
    write_lineage(folder, lineage)
    return lineage


def _parse(document: dict[str, Any], path: Path) -> Lineage:
    kind = document.pop("kind", None)
    if kind not in _KINDS:
        raise _damaged(path, f"has no kind that is known: {kind!r}")
    texts: dict[str, str] = {}
    for name in ("base", "base_sha256", "parent", "made_by", "codelathe"):
        texts[name] = document.pop(name, "")
        if not isinstance(texts[name], str):
            raise _damaged(path, f"has a {name} that is no text")
    recipe = document.pop("recipe", {})
    if not isinstance(recipe, dict):
        raise _damaged(path, "has a recipe that is no object")
    document.pop("recipe_sha256", None)  # follows from the recipe
    return Lineage(kind=kind, recipe=recipe, details=document, **texts)


def _damaged(path: Path, what: str) -> ModelFileError:
    return ModelFileError(
        f"{path} {what}", hint="make the model again, or remove the file to forget what it says"
    )
