"""Cards: the README that a model or a data set is shown by, with its metadata in YAML.

What is said comes from `lathe.json`, the header of a GGUF file, or the rows themselves; what
nothing says (the licence of one's own data, for example) is left out and not guessed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from codelathe.core.checkpoint import ADAPTER_CONFIG
from codelathe.core.errors import LatheError
from codelathe.core.lineage import Lineage
from codelathe.core.modelref import parse_model_ref
from codelathe.hub.places import is_place

CARD = "README.md"
_FENCE = "---"


def model_card(lineage: Lineage, folder: Path, *, licence: str = "", name: str = "") -> str:
    """The card of an adapter, a checkpoint or a GGUF file, from what it was made from."""
    kind = card_kind(lineage, folder)
    title = name or folder.name
    parts = [
        front_matter(model_metadata(lineage, folder, licence=licence)),
        f"# {title}",
        _sentence(kind, lineage),
        _origin(lineage),
        _scores(lineage.details),
        _check(lineage.details),
        _use(kind, title),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def model_metadata(lineage: Lineage, folder: Path, *, licence: str = "") -> dict[str, Any]:
    """What the hub shows and searches: base, licence, library, task, data sets, tags."""
    kind = card_kind(lineage, folder)
    repository = base_repository(lineage.base)
    tags = ["codelathe", *{"adapter": ["lora", "peft"], "gguf": ["gguf"]}.get(kind, [])]
    return {
        "license": licence or None,
        "base_model": repository or None,
        "base_model_relation": _relation(kind, repository),
        "library_name": {"adapter": "peft", "gguf": "gguf"}.get(kind, "transformers"),
        "pipeline_tag": "text-generation",
        "datasets": _hub_data(lineage.recipe) or None,
        "tags": [*tags, "code"],
    }


def data_card(name: str, files: Mapping[str, int], *, licence: str = "") -> str:
    """The card of a data set: its files with their rows."""
    metadata = {
        "license": licence or None,
        "task_categories": ["text-generation"],
        "tags": ["codelathe", "code"],
    }
    rows = "\n".join(f"| `{file}` | {count:,} |" for file, count in files.items())
    return "\n\n".join(
        [
            front_matter(metadata),
            f"# {name}",
            "Training rows for a code language model, made with codelathe.",
            f"| file | rows |\n|---|---|\n{rows}",
            "## Use\n\n```\nlathe data check hf:OWNER/REPO\n```",
        ]
    ) + "\n"  # fmt: skip


def front_matter(metadata: Mapping[str, Any]) -> str:
    """The metadata as the YAML block that a card begins with; what is None is left out."""
    told = {key: value for key, value in metadata.items() if value is not None}
    # JSON is YAML, in which a licence called `no` would be a truth value without its quotes.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in told.items()]
    return "\n".join([_FENCE, *lines, _FENCE])


def read_front_matter(card: str) -> dict[str, Any]:
    """The metadata of a card; empty where it has none, or none that can be read."""
    block = _block(card)
    if block is None:
        return {}
    import yaml

    try:
        found = yaml.safe_load(block)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def with_front_matter(card: str, metadata: Mapping[str, Any]) -> str:
    """`card` with what its own metadata lacks of `metadata`; what it says itself stays."""
    own, block = read_front_matter(card), _block(card)
    lacking = {key: value for key, value in metadata.items() if key not in own}
    added = front_matter(lacking).splitlines()[1:-1]
    if block is None:
        return "\n".join([_FENCE, *added, _FENCE, "", card.lstrip()])
    head, rest = card.lstrip("\ufeff").split("\n", 1)
    return "\n".join([head, *added, rest])


def card_kind(lineage: Lineage, folder: Path) -> str:
    """`adapter`, `checkpoint` or `gguf`."""
    if folder.suffix.lower() == ".gguf":
        return "gguf"
    return "adapter" if (folder / ADAPTER_CONFIG).is_file() else lineage.kind


def base_repository(base: str) -> str:
    """The repository of the hub that a ModelRef names, empty where it names none."""
    try:
        ref = parse_model_ref(base)
    except LatheError:  # what is no ModelRef is none of the hub either
        return ""
    return ref.name if ref.scheme == "hf" else ""


def licence_beside(base: Path) -> str:
    """The licence that the card in a model's folder states, empty where none does."""
    try:
        found = read_front_matter((base / CARD).read_text(encoding="utf-8")).get("license")
    except (OSError, UnicodeDecodeError):
        return ""
    return found if isinstance(found, str) else ""


def _relation(kind: str, repository: str) -> str | None:
    if not repository:
        return None
    return {"adapter": "adapter", "gguf": "quantized"}.get(kind, "finetune")


def _block(card: str) -> str | None:
    """The text between the first two fences, None where the card does not begin with one."""
    lines = card.lstrip("\ufeff").splitlines()
    if not lines or lines[0].strip() != _FENCE:
        return None
    for number, line in enumerate(lines[1:], 1):
        if line.strip() == _FENCE:
            return "\n".join(lines[1:number])
    return None


def _sentence(kind: str, lineage: Lineage) -> str:
    if not lineage.base:
        return "An adapter." if kind == "adapter" else "A model."
    what = {
        "adapter": f"An adapter for `{named(lineage.base)}`.",
        "gguf": f"`{named(lineage.parent or lineage.base)}` as a GGUF file.",
    }
    return what.get(kind, f"Made from `{named(lineage.parent or lineage.base)}`.")


def named(ref: str) -> str:
    """A ModelRef as others may read it: of a path on this machine only the last part."""
    scheme, colon, rest = ref.rpartition(":")
    if scheme == "hf":
        return ref
    return f"{scheme}{colon}{Path(rest).name}" if "/" in rest or "\\" in rest else ref


def _origin(lineage: Lineage) -> str:
    if not lineage.made_by:
        return ""
    rows = [
        ("base", f"`{named(lineage.base)}`"),
        ("its SHA-256", f"`{lineage.base_sha256}`"),
        ("made from", f"`{named(lineage.parent)}`"),
        ("by", f"`lathe {lineage.made_by}`, codelathe {lineage.codelathe}"),
        ("recipe", f"SHA-256 `{lineage.recipe_sha256}`" if lineage.recipe else ""),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows if value.strip("`"))
    recipe = json.dumps(shown(lineage.recipe), indent=2, ensure_ascii=False)
    block = f"\n\n```json\n{recipe}\n```" if lineage.recipe else ""
    return f"## How it was made\n\n| | |\n|---|---|\n{table}{block}"


def shown(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe without the folders of the machine that it was run on."""

    def clean(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: clean(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [clean(inner) for inner in value]
        return named(value) if isinstance(value, str) and is_place(value) else value

    return {key: clean(value) for key, value in recipe.items()}


def _scores(details: Mapping[str, Any]) -> str:
    """What a gate measured, of the model itself or of the adapter that was merged into it."""
    gate, title = details.get("gate"), "Scores"
    if not isinstance(gate, Mapping):
        gate, title = details.get("adapter_gate"), "Scores of the adapter, before it was merged"
    if not isinstance(gate, Mapping):
        return ""
    rows = [
        f"| {part}: {told.get('benchmark', '')} | {told.get('problems', '')} "
        f"| {_percent(told.get('before'))} | {_percent(told.get('after'))} |"
        for part, told in gate.items()
        if isinstance(told, Mapping)
    ]
    table = "\n".join(["| problems | | before | after |", "|---|---|---|---|", *rows])
    return f"## {title}\n\nThe gate's outcome: {gate.get('outcome', 'not told')}.\n\n{table}"


def _percent(value: Any) -> str:
    return f"{value:.1%}" if isinstance(value, int | float) else ""


def _check(details: Mapping[str, Any]) -> str:
    """How it compares with what it was made from."""
    check = details.get("check")
    if not isinstance(check, Mapping):
        return ""
    outcome = "within the bounds" if check.get("passed") else "REFUSED: beyond the bounds"
    told = [f"Compared with what it was made from: {outcome}."]
    if "prompts" in check:
        told.append(
            f"Greedy texts equal on {check['equal_texts']} of {check['prompts']} prompts; "
            f"{check['equal_tokens']} of {check['tokens']} tokens; KL "
            f"{_nats(check['kl_nats_per_token'])} nats a token."
        )
    return "## Check\n\n" + " ".join(told)


def _nats(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, int | float) else "infinite"


def _use(kind: str, name: str) -> str:
    commands = {
        "adapter": [
            "hf download OWNER/REPO --local-dir adapter",
            'lathe generate "Reverse a string." --model adapter:adapter',
        ],
        "gguf": [f'lathe generate "Reverse a string." --model hf:OWNER/REPO:{name}'],
    }.get(kind, ['lathe generate "Reverse a string." --model hf:OWNER/REPO'])
    return "## Use\n\n```\n" + "\n".join(commands) + "\n```"


def _hub_data(recipe: Mapping[str, Any]) -> Sequence[str]:
    """The data sets of the hub that a recipe names."""
    data = recipe.get("data")
    files = data.get("files", ()) if isinstance(data, Mapping) else ()
    return [base_repository(f) for f in files if isinstance(f, str) and base_repository(f)]
