"""The card of a quantized model: `README.md` in its folder, for whoever finds the folder alone."""

from __future__ import annotations

from codelathe.compression.calibration import calibration_words
from codelathe.compression.quantizing_job import DETAILS, QuantizeJob
from codelathe.core.lineage import Lineage
from codelathe.hub.card import named

_USES = {
    "int8": "codelathe reads it (engine `transformers`, on processors); other programs say that "
    "they do not know the method.",
    "bitsandbytes": "An ordinary checkpoint: `transformers` with bitsandbytes loads it.",
    "openvino": "OpenVINO GenAI and codelathe (engine `openvino`) read the folder.",
}


def card(job: QuantizeJob, lineage: Lineage) -> str:
    """The card's Markdown."""
    told = lineage.details[DETAILS]
    check, size = told["check"], told["bytes"]
    types = ", ".join(f"{name} ({n['weights']:,})" for name, n in told["precisions"].items())
    rows = [
        ("made from", f"`{named(lineage.parent)}`"),
        ("weights underneath, SHA-256", f"`{lineage.base_sha256}`"),
        ("method", f"`{told['method']}`: {told['about']}"),
        ("weights by precision", types),
        ("bytes of the weights", f"{size['stored']:,}, of {size['original']:,}"),
        ("KL from the original on code", _divergence(check["kl_nats_per_token"])),
        ("first choices that are the original's", f"{check['agreeing']:.1%}"),
        ("perplexity on code", _perplexity(check["perplexity"])),
        ("recipe, SHA-256", f"`{lineage.recipe_sha256}`"),
        ("made by", f"`lathe {lineage.made_by}`, codelathe {lineage.codelathe}"),
    ]
    if calibrated := told["calibration"]:
        rows.insert(3, ("calibration", calibration_words(calibrated)))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    notes = "".join(f"- {note}\n" for note in (*told["notes"], *check["faults"]))
    return (
        f"# {job.out.name}\n\nA quantized language model.\n\n| | |\n|---|---|\n{table}\n\n"
        f"{_USES[job.method.family]}\n\n{notes}\n".rstrip()
        + "\n\nWhat it cost in programs that still pass is not known before it is measured: `lathe "
        "evaluate humaneval` with both models, then `lathe compare`.\n"
    )


def _divergence(told: float | None) -> str:
    return "no number" if told is None else f"{told:.4g} nats a token"


def _perplexity(told: dict[str, float | None]) -> str:
    before, after = (
        "no number" if value is None else f"{value:.3f}"
        for value in (told["original"], told["quantized"])
    )
    return f"{after}, of the original {before} (passages of Python's standard library)"
