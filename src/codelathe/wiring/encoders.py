"""Names become encoders of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codelathe.core.errors import ArtefactUnavailable, StoreError, UsageError
from codelathe.core.modelref import ModelRef, parse_model_ref
from codelathe.wiring.models import cache_folder, open_store, pickles_trusted

if TYPE_CHECKING:
    from codelathe.engines.transformers_encoder import TransformersEncoder
    from codelathe.metrics.similarity import Encoder
    from codelathe.store import Progress


#: What BERTScore takes where the encoder that it would take cannot be had.
SPARE_ENCODER = "minilm"


def open_encoder(model: str, progress: Progress | None = None) -> TransformersEncoder:
    """The encoder of texts named `model`, its weights fetched where they are missing.

    Raises:
        InputError: the reference does not parse, or names nothing known.
        StoreError: the weights cannot be had.
        EngineError: they cannot be loaded, or a package is missing.
    """
    from codelathe.engines.transformers_encoder import TransformersEncoder

    local = open_store().obtain(parse_model_ref(model), progress)
    return TransformersEncoder(local.path, pickled=pickles_trusted())


def find_encoder(
    named: str | None = None, language: str = "", progress: Progress | None = None
) -> tuple[Encoder, str]:
    """The encoder for BERTScore, fetched where it is missing, and what to say of it, if anything.

    `named` is a model reference. Without it, it is the one for texts in `language`, from the
    hub, and where that cannot be had `SPARE_ENCODER`.

    Raises:
        InputError: `named` does not parse, names nothing known, or no checkpoint.
        StoreError: there is no encoder to be had.
        MissingDependency: a package that would read it is missing.
    """
    from codelathe.metrics.bertscore import default_encoder, require_packages

    require_packages()
    if named is not None:
        return _encoder(parse_model_ref(named), progress), ""
    usual = ModelRef("hf", default_encoder(language))
    try:
        return _encoder(usual, progress), ""
    except ArtefactUnavailable as error:
        reason = error.message
    try:
        spare = _encoder(ModelRef("alias", SPARE_ENCODER), progress)
    except StoreError as error:
        raise ArtefactUnavailable(
            f"there is no encoder for bertscore: {reason}; {error.message}",
            hint=f"{error.hint}; then --encoder {SPARE_ENCODER}. Or name a folder: --encoder DIR",
        ) from None
    return spare, (
        f"bertscore is by the encoder {SPARE_ENCODER}, in place of {usual.name}: {reason}. Scores "
        f"by the two cannot be compared. To choose it: --encoder {SPARE_ENCODER}"
    )


def _encoder(ref: ModelRef, progress: Progress | None) -> Encoder:
    from codelathe.metrics.similarity import Encoder
    from codelathe.store.hashes import content_sha256

    local = open_store().obtain(ref, progress)
    if local.format == "gguf":
        raise UsageError(
            f"{ref} is a GGUF file, and an encoder is a checkpoint",
            hint=f"--encoder {SPARE_ENCODER}, or name a folder that transformers reads",
            field="encoder",
        )
    sha256 = local.sha256 or content_sha256(local.path, cache_folder("hashes.json"))
    return Encoder(ref.name, str(local.path), sha256)
