"""The card of a pruned model: `README.md` in its folder, for whoever finds the folder alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codelathe.compression.calibration import calibration_words
from codelathe.core.lineage import Lineage
from codelathe.core.packed import PACKED
from codelathe.hub.card import named

if TYPE_CHECKING:
    from codelathe.compression.job import Pruned

_METHODS = {
    "l1": "the smallest weights set to zero (torch.nn.utils.prune)",
    "wanda": "weights set to zero by size times input norm (Wanda, Sun et al. 2023)",
    "sparsegpt": "weights set to zero, the others adjusted (SparseGPT, Frantar & Alistarh 2023)",
    "l1-structured": "the attention heads and neurons with the least weight removed",
    "depth": "the layers that turn hidden states least removed (ShortGPT, Men et al. 2024)",
}


def card(pruned: Pruned, lineage: Lineage) -> str:
    """The card's Markdown."""
    options = pruned.job.options
    before, after = pruned.parameters
    rows = [
        ("made from", f"`{named(lineage.parent)}`"),
        ("weights underneath, SHA-256", f"`{lineage.base_sha256}`"),
        ("method", f"`{options.method}`: {_METHODS[options.method]}"),
        ("sparsity of the layers' linear weights", f"{pruned.sparsity:.2%}"),
        ("asked for", str(options.pattern or f"{options.sparsity:g}")),
        ("parameters", f"{before:,} before, {after:,} now"),
        ("bytes of the weights", f"{pruned.bytes[1]:,}"),
        ("precisions", ", ".join(f"{name} ({n})" for name, n in pruned.precisions.items())),
        ("recipe, SHA-256", f"`{lineage.recipe_sha256}`"),
        ("made by", f"`lathe {lineage.made_by}`, codelathe {lineage.codelathe}"),
    ]
    if pruned.calibration:
        rows.insert(5, ("calibration", calibration_words(pruned.calibration)))
    if pruned.recovered:
        won = pruned.recovered
        learned = (
            f"{won.steps} steps from the original; perplexity on held-out windows "
            f"{won.original:.2f} before, {won.pruned:.2f} pruned, {won.recovered:.2f} now"
        )
        rows.insert(5, ("recovery", learned))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    notes = "\n".join(f"- {note}" for note in pruned.notes)
    return (
        f"# {pruned.job.out.name}\n\nA pruned language model.\n\n| | |\n|---|---|\n{table}\n\n"
        f"{_usage(pruned)}\n\n{notes}\n".rstrip()
        + "\n\nWhat pruning cost in programs that still pass is not known before it is measured: "
        "`lathe evaluate humaneval` with both models, then `lathe compare`.\n"
    )


def _usage(pruned: Pruned) -> str:
    if not pruned.job.packed:
        return "An ordinary checkpoint: `transformers` and whatever reads its folders load it."
    share = pruned.bytes[1] / pruned.bytes[0]
    return (
        f"The weights are packed (`{PACKED}`): {share:.0%} of the {pruned.bytes[0]:,} bytes they "
        "take as ordinary safetensors, to which they are bit-equal. codelathe reads them "
        "(`pip install 'codelathe[compress]'`); other programs do not."
    )
