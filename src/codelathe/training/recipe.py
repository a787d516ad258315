"""A recipe: the whole configuration of a tuning, as a TOML file has it and as flags override it.

Each section is a dataclass whose fields say what they mean, which values they may have, and what
they are where nobody says. Reading and checking is in `recipe_reading`; nothing here needs torch.
Paths are looked for from the folder that the command is given in.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from codelathe.core.lineage import recipe_sha256
from codelathe.training.data.duplicates import NEAR
from codelathe.training.data.fitting import POLICIES
from codelathe.training.data.splitting import BY

METHODS = ("lora", "qlora", "full")
SCHEDULES = ("cosine", "linear", "constant")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
QUANTIZATIONS = ("int4", "int8")
#: What each method learns with, where the recipe does not say.
LEARNING_RATES = {"lora": 2e-4, "qlora": 2e-4, "full": 2e-5}
ALL_LINEAR = "all-linear"
ENCODER_DECODER = "encoder-decoder"
#: What a model from scratch can be, and what each learns with where the recipe does not say.
SCRATCH_RATES = {"llama": 1e-3, "gpt2": 1e-3, "codegen": 1e-3, ENCODER_DECODER: 1e-4}
#: What `[gate] own` may say beside a file: the rows that were held out.
TEST_PART = "test part"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a field may be. `low` and `high` bound numbers, `above` excludes the lower bound."""

    told: str
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()


def setting(default: Any, told: str, **limits: Any) -> Any:
    """A field of a section with its default, what it means, and its limits."""
    metadata = {"limits": Limits(told, **limits)}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class ModelPart:
    """`[model]`: what is tuned."""

    name: str = setting(
        "", "the model: an alias, a folder, `gguf:FILE`, `hf:REPO`, or `adapter:DIR` to go on"
    )


@dataclass(frozen=True, slots=True)
class DataPart:
    """`[data]`: what it learns from."""

    files: tuple[str, ...] = setting((), "files of rows, or data sets of the hub (`hf:REPO`)")
    mapping: dict[str, str] = setting({}, "what the data calls a field, our name first")
    validation: float = setting(0.05, "share of the rows for the validation loss", low=0, below=1)
    test: float = setting(0.05, "share that is held out for the gate", low=0, below=1)
    by: str = setting("group", "rows that are never parted", choices=BY)
    seed: int = setting(0, "draws the parts", low=0)
    max_length: int = setting(1024, "tokens of the longest document", low=2)
    long: str = setting("drop", "what becomes of longer ones", choices=POLICIES)
    near: float = setting(
        NEAR,
        "likeness from which rows are duplicates, 0.6 or more; 0 leaves out only equal ones",
        low=0,
        high=1,
    )
    packing: bool = setting(True, "several documents in a row of `max_length` tokens")
    everything: bool = setting(False, "the loss counts prompts too")
    spm: float = setting(0.5, "share of holes written suffix first", low=0, high=1)
    against: tuple[str, ...] = setting(
        ("humaneval", "mbpp"), "benchmarks whose text must not be in the data"
    )
    overlap: bool = setting(False, "allow text of these benchmarks")


@dataclass(frozen=True, slots=True)
class MethodPart:
    """`[method]`: what of the model changes."""

    name: str = setting(
        "lora",
        "`lora`: small matrices beside frozen weights; `qlora`: beside quantized ones; "
        "`full`: all weights",
        choices=METHODS,
    )
    r: int = setting(16, "rank of the small matrices", low=1, high=4096)
    alpha: float = setting(32.0, "their scale is alpha / r", above=0)
    dropout: float = setting(0.0, "dropout before them", low=0, below=1)
    targets: tuple[str, ...] = setting(
        (ALL_LINEAR,), "modules beside which they stand: `all-linear`, or names"
    )
    quantization: str = setting(
        "int4", "the frozen weights of `qlora`, by bitsandbytes", choices=QUANTIZATIONS
    )


@dataclass(frozen=True, slots=True)
class TrainPart:
    """`[train]`: how it learns."""

    epochs: float = setting(3.0, "times over the data; not with `steps`", above=0)
    steps: int | None = setting(None, "updates of the weights; not with `epochs`", low=1)
    rows: int = setting(4, "rows (with packing) or documents in a step", low=1)
    accumulate: int = setting(1, "parts a step is computed in, to save memory", low=1)
    learning_rate: float | None = setting(
        None, "the highest; 0.0002, for `full` 0.00002", above=0, below=1
    )
    schedule: str = setting("cosine", "how it falls", choices=SCHEDULES)
    warmup: float = setting(0.03, "share of the steps in which it rises", low=0, high=1)
    weight_decay: float = setting(0.0, "AdamW's", low=0)
    clip: float = setting(1.0, "longest gradient; 0 for any", low=0)
    seed: int = setting(
        0, "draws new weights, the order of the rows, and dropout", low=0, high=(1 << 32) - 1
    )
    precision: str = setting(
        "auto", "numbers it computes in; bfloat16 where the machine has it", choices=PRECISIONS
    )
    gradient_checkpointing: bool = setting(False, "compute twice, keep less in memory")
    evaluate_every: int = setting(50, "steps between validation losses", low=1)
    save_every: int = setting(50, "steps between checkpoints", low=1)
    keep: int = setting(2, "newest checkpoints that are kept, beside the best", low=1)


@dataclass(frozen=True, slots=True)
class GatePart:
    """`[gate]`: what the result must not lose. Without the section there is no gate."""

    own: str = setting(TEST_PART, "problems of one's own: a file, or `test part`")
    general: str = setting("humaneval", "the benchmark that must not fall")
    every: int = setting(4, "every so many of its problems", low=1)
    samples: int = setting(1, "answers to each problem; more see smaller drops", low=1)
    max_tokens: int | None = setting(
        None, "most tokens of an answer; 768, for which a short context has no room", low=1
    )
    tolerance: float = setting(
        15.0, "the largest drop of the general score that is no harm, in points", low=0, high=100
    )
    attempts: int = setting(4, "smaller scales and earlier checkpoints tried", low=0)


@dataclass(frozen=True, slots=True)
class ScratchPart:
    """`[scratch]`: a new model, in place of `[model]`. Its context is `data.max_length`."""

    architecture: str = setting(
        "llama", "a decoder, or `encoder-decoder` for code to text", choices=tuple(SCRATCH_RATES)
    )
    size: str = setting("", "parameters, as `10M`: picks layers, width and heads")
    layers: int | None = setting(
        None, "layers; of an encoder-decoder in each half", low=1, high=128
    )
    width: int | None = setting(None, "numbers for each token, d_model", low=8, high=8192)
    heads: int | None = setting(None, "heads of attention; they divide the width", low=1)
    dropout: float | None = setting(None, "0.1 for the encoder-decoder, else 0", low=0, below=1)
    vocabulary: int = setting(8192, "most tokens of the tokenizer that is learned", low=256)
    chat: bool = setting(False, "tokens and a template for turns (ChatML); for decoders")
    beams: int = setting(
        4, "answers that beam search keeps, after training on pairs", low=2, high=64
    )


@dataclass(frozen=True, slots=True)
class Recipe:
    """The whole configuration. `gate` and `scratch` are None where there is no such section."""

    out: str = setting("", "folder for the result; it must be new, or hold this very run")
    model: ModelPart = field(default_factory=ModelPart)
    data: DataPart = field(default_factory=DataPart)
    method: MethodPart = field(default_factory=MethodPart)
    train: TrainPart = field(default_factory=TrainPart)
    gate: GatePart | None = None
    scratch: ScratchPart | None = None

    @property
    def learning_rate(self) -> float:
        """The highest rate: as said, or the method's own."""
        if self.train.learning_rate is None and self.scratch is not None:
            return SCRATCH_RATES[self.scratch.architecture]
        return self.train.learning_rate or LEARNING_RATES[self.method.name]

    @property
    def sha256(self) -> str:
        """The SHA-256 of what decides the result."""
        return recipe_sha256(self.document())

    def document(self) -> dict[str, Any]:
        """What decides the result, as `lathe.json` keeps it: not the folder, not the gate."""
        document = {
            part.name: asdict(getattr(self, part.name))
            for part in fields(self)
            if part.name not in ("out", "gate") and getattr(self, part.name) is not None
        }
        document["train"]["learning_rate"] = self.learning_rate
        document["train"].pop("epochs" if self.train.steps is not None else "steps")
        plain: dict[str, Any] = _lists(document)
        return plain


def override(recipe: Recipe, **changes: dict[str, Any]) -> Recipe:
    """`recipe` with fields of its sections replaced; what is None is left as it is."""
    for part, values in changes.items():
        given = {name: value for name, value in values.items() if value is not None}
        if given:
            section = replace(getattr(recipe, part), **given)
            recipe = replace(recipe, **{part: section})
    return recipe


def _lists(value: Any) -> Any:
    """`value` as JSON gives it back: lists in place of tuples."""
    if isinstance(value, dict):
        return {name: _lists(one) for name, one in value.items()}
    return [_lists(one) for one in value] if isinstance(value, list | tuple) else value
