"""TOML to a recipe, with every fault at once: nothing is trained on half a configuration.

Faults are unknown sections and keys (with the nearest known ones), wrong types, numbers out of
range, names that are none of the choices, files that are not there, and choices that contradict
each other. Neither torch nor the model is needed to find them.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from operator import ge, gt, le, lt
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from codelathe.core.errors import InputError, LatheError
from codelathe.core.modelref import parse_model_ref
from codelathe.training.data.minhash import LEAST
from codelathe.training.data.rows import FIELDS
from codelathe.training.recipe import ALL_LINEAR, TEST_PART, Limits, Recipe
from codelathe.training.scratch.rules import completed, scratch_faults

_TOLD: dict[Any, str] = {
    str: "a text", int: "a whole number", float: "a number", bool: "true or false",
    tuple: "a list of texts", dict: "a table of texts",
}  # fmt: skip
_MANY = 12


@dataclass(frozen=True, slots=True)
class RecipeFault:
    """What is wrong with a recipe: where (`train.epochs`), what, and what to write instead."""

    where: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        told = f"{self.where}: {self.what}" if self.where else self.what
        return f"{told} ({self.hint})" if self.hint else told


class RecipeError(InputError):
    """A recipe that cannot be used, with every fault in it."""

    def __init__(self, name: str, faults: tuple[RecipeFault, ...]) -> None:
        shown = "; ".join(str(fault) for fault in faults[:_MANY])
        more = f"; and {len(faults) - _MANY} more" if len(faults) > _MANY else ""
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__(
            f"{name} has {count}: {shown}{more}",
            hint="what each field may be: docs/tune.md",
            field=faults[0].where,
        )
        self.faults = faults


def load_recipe(path: Path) -> dict[str, Any]:
    """The document in a TOML file.

    Raises:
        InputError: it cannot be read, or is not TOML (with the line).
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}", hint="name a recipe", field="recipe"
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start}",
            field="recipe",
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(
            f"{path} is not TOML: {error}",
            hint='a recipe begins, for example, with: out = "runs/my-tune"',
            field="recipe",
        ) from None


def overlay(document: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """`document` with what flags say over it; of `epochs` and `steps` the flag's one counts."""
    merged = {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in document.items()
    }
    for name, value in flags.items():
        if isinstance(value, Mapping):
            section = merged.setdefault(name, {})
            if isinstance(section, dict):
                section.update(value)
        else:
            merged[name] = value
    given, train = flags.get("train", {}), merged.get("train")
    for chosen, other in (("steps", "epochs"), ("epochs", "steps")):
        if chosen in given and other not in given and isinstance(train, dict):
            train.pop(other, None)
    return merged


def parse_recipe(document: Mapping[str, Any], name: str = "the recipe") -> Recipe:
    """The recipe in a document.

    Raises:
        RecipeError: with all faults.
    """
    recipe, faults = check_recipe(document)
    if recipe is None:
        raise RecipeError(name, tuple(faults))
    return recipe


def check_recipe(document: Mapping[str, Any]) -> tuple[Recipe | None, list[RecipeFault]]:
    """The recipe, or None and all that is wrong with it."""
    recipe, faults = read_section(Recipe, document, "")
    said = {
        f"{part}.{key}"
        for part, section in document.items()
        if isinstance(section, Mapping)
        for key in section
    }
    recipe = completed(recipe, said)
    # What could not be read is its default here, which no further rule speaks against.
    faults += [fault for fault in _rules(recipe, said) if fault.where not in _places(faults)]
    return (None if faults else recipe), faults


def read_section(
    cls: type, document: Mapping[str, Any], where: str
) -> tuple[Any, list[RecipeFault]]:
    """An object of the dataclass `cls`, and the faults: a field with one has its default."""
    faults: list[RecipeFault] = []
    types = get_type_hints(cls)
    known = {one.name: one for one in fields(cls)}
    values: dict[str, Any] = {}
    for name, value in document.items():
        at = f"{where}.{name}" if where else name
        if name not in known:
            faults.append(_unknown(name, at, known))
            continue
        part = section_of(types[name])
        if part is not None and not isinstance(value, Mapping):
            faults.append(RecipeFault(at, f"is {value!r}, not a section", f"write [{at}]"))
        elif part is not None:
            values[name], found = read_section(part, value, at)
            faults += found
        else:
            plain, wrong = _plain(value, types[name], known[name].metadata["limits"])
            if wrong:
                faults.append(RecipeFault(at, *wrong))
            else:
                values[name] = plain
    return cls(**values), faults


def _places(faults: list[RecipeFault]) -> set[str]:
    return {fault.where for fault in faults}


def section_of(kind: Any) -> type | None:
    """The dataclass that a field holds, also where it may be None."""
    options = get_args(kind) if get_origin(kind) is UnionType else (kind,)
    return next((one for one in options if is_dataclass(one) and isinstance(one, type)), None)


def _unknown(name: str, at: str, known: Mapping[str, Any]) -> RecipeFault:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"nearest: {', '.join(near)}" if near else f"known: {', '.join(known)}"
    return RecipeFault(at, "is not known", hint)


def _plain(value: Any, kind: Any, limits: Limits) -> tuple[Any, tuple[str, str] | None]:
    """The value as its field has it, or what is wrong and what it may be."""
    options = [one for one in (get_args(kind) or (kind,)) if one is not NoneType]
    wanted = get_origin(kind) if get_origin(kind) in (tuple, dict) else options[0]
    read, fits = _read(value, wanted)
    if not fits:
        return None, (f"is {value!r}", f"it is {_TOLD[wanted]}")
    if limits.choices and read not in limits.choices:
        near = difflib.get_close_matches(str(read), limits.choices, n=1, cutoff=0.5)
        hint = f"nearest: {near[0]}; " if near else ""
        return None, (f"is {read!r}", f"{hint}one of: {', '.join(limits.choices)}")
    if isinstance(read, int | float) and (bound := _outside(read, limits)):
        return None, (f"is {read}", bound)
    return read, None


def _read(value: Any, wanted: Any) -> tuple[Any, bool]:
    if wanted is tuple:
        one = [value] if isinstance(value, str) else value
        fits = isinstance(one, list | tuple) and all(isinstance(text, str) for text in one)
        return (tuple(one) if fits else None), fits
    if wanted is dict:
        fits = isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())
        return (dict(value) if fits else None), fits
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value), True
    return value, type(value) is wanted


def _outside(number: float, limits: Limits) -> str:
    """What bound a number breaks."""
    if isinstance(number, float) and not math.isfinite(number):
        return "it is a finite number"
    bounds = (
        (limits.low, ge, "at least"),
        (limits.above, gt, "more than"),
        (limits.high, le, "at most"),
        (limits.below, lt, "less than"),
    )
    for bound, holds, told in bounds:
        if bound is not None and not holds(number, bound):
            return f"it is {told} {bound:.10g}"
    return ""


def _rules(recipe: Recipe, said: set[str]) -> Iterator[RecipeFault]:
    """What fields say of each other, and of this machine's files."""
    yield from _model_rules(recipe)
    yield from _data_rules(recipe)
    yield from _method_rules(recipe, said)
    train = recipe.train
    if {"train.epochs", "train.steps"} <= said:
        yield RecipeFault("train.steps", "is given and so is train.epochs", "leave one of them out")
    if train.rows % train.accumulate:
        yield RecipeFault(
            "train.accumulate",
            f"is {train.accumulate}, which does not divide the {train.rows} rows of a step",
            "for example 1, or as many as rows",
        )
    if recipe.gate is not None and recipe.gate.own == TEST_PART and not recipe.data.test:
        yield RecipeFault(
            "gate.own", "is the test part, and data.test holds none out", "data.test = 0.05"
        )
    elif recipe.gate is not None and recipe.gate.own != TEST_PART:
        yield from _problems_fault(recipe.gate.own)


def _model_rules(recipe: Recipe) -> Iterator[RecipeFault]:
    if not recipe.out:
        yield RecipeFault("out", "is missing: no folder for the result", 'out = "runs/my-tune"')
    elif (out := _expanded(recipe.out)) is None:
        yield RecipeFault("out", f"{recipe.out}: no home folder is known for it", "name it whole")
    elif out.exists() and not out.is_dir():
        yield RecipeFault("out", f"{recipe.out} is no folder", "name a new one")
    name = recipe.model.name
    if recipe.scratch is not None:
        yield from (RecipeFault(*fault) for fault in scratch_faults(recipe))
        return
    if not name:
        yield RecipeFault("model.name", "is missing", 'name = "smollm2-135m"')
        return
    try:
        ref = parse_model_ref(name)
    except LatheError as error:
        yield RecipeFault("model.name", error.message, error.hint)
        return
    if ref.remote or ref.scheme == "scripted":
        yield RecipeFault(
            "model.name", f"{name} does not show its weights", "name one on this machine"
        )
    elif ref.scheme in ("path", "gguf", "adapter") and not _exists(ref.name):
        yield RecipeFault("model.name", f"{ref.name} does not exist")


def _expanded(name: str) -> Path | None:
    """The path with `~` replaced; None where nobody's home is meant."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return None


def _exists(name: str) -> bool:
    path = _expanded(name)
    return path is not None and path.exists()


def _data_rules(recipe: Recipe) -> Iterator[RecipeFault]:
    data = recipe.data
    if not data.files:
        yield RecipeFault("data.files", "is missing: nothing to learn from", 'files = ["a.jsonl"]')
    for name in data.files:
        yield from _file_fault("data.files", name)
    for ours in data.mapping:
        if ours not in FIELDS:
            near = difflib.get_close_matches(ours, FIELDS, n=3, cutoff=0.5) or FIELDS
            yield RecipeFault(
                "data.mapping", f"there is no field {ours!r}", f"known: {', '.join(near)}"
            )
    if 0 < data.near < LEAST:
        yield RecipeFault(
            "data.near", f"is {data.near:g}: less alike are not found surely", f"0, or {LEAST} to 1"
        )
    if data.validation + data.test >= 1:
        yield RecipeFault(
            "data.validation", f"{data.validation:g} and data.test {data.test:g} leave nothing"
        )


def _method_rules(recipe: Recipe, said: set[str]) -> Iterator[RecipeFault]:
    method = recipe.method
    unused = {
        "full": ("r", "alpha", "dropout", "targets", "quantization"),
        "lora": ("quantization",),
        "qlora": (),
    }
    for name in unused[method.name]:
        if f"method.{name}" in said:
            hint = "leave it out" if name != "quantization" else 'method.name = "qlora"'
            yield RecipeFault(f"method.{name}", f"means nothing to the method {method.name}", hint)
    if not method.targets:
        yield RecipeFault("method.targets", "names no module", f'targets = ["{ALL_LINEAR}"]')
    elif ALL_LINEAR in method.targets and len(method.targets) > 1:
        yield RecipeFault("method.targets", f"names {ALL_LINEAR} and others", "one or the other")


def _problems_fault(name: str) -> Iterator[RecipeFault]:
    if not name.endswith((".jsonl", ".jsonl.gz")):
        yield RecipeFault("gate.own", f"{name} is no problem file", "its name ends in .jsonl")
    elif not _exists(name):
        yield RecipeFault("gate.own", f"{name} is no file")


def _file_fault(where: str, name: str) -> Iterator[RecipeFault]:
    if name.startswith("hf:"):
        try:
            parse_model_ref(name)
        except LatheError as error:
            yield RecipeFault(where, error.message, error.hint)
    elif not Path(name).is_file():
        yield RecipeFault(where, f"{name} is no file")
