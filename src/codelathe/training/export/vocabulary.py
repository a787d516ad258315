"""A checkpoint's tokenizer as the metadata of a GGUF file.

Byte-level pairs become the kind `gpt2`, SentencePiece's pairs the kind `llama`. llama.cpp knows
how texts are split before pairs are joined only by name; the name is found by comparing the
checkpoint's own rule with those that the reader of `transformers` has for each name, and a
rule without one is refused: a near one would tokenize code in another way, silently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.checkpoint import CheckpointHeader
from codelathe.core.errors import ModelFileError, UnsupportedArgument
from codelathe.training.data.tokenizer import take_whole_texts

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
_SPECIAL = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding", "sep": "seperator"}
#: More tokens that end an answer, in the order llama.cpp has places for them.
_FURTHER_ENDS = ("eot", "eom")
_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the keys `tokenizer.*` say. `special` is by llama.cpp's names, such as `eos`.

    `scores` are only of the kind `llama`, where the pair with the highest is joined first;
    `merges` and `pre` only of the kind `gpt2`.
    """

    kind: str
    tokens: tuple[str, ...]
    types: tuple[int, ...]
    special: Mapping[str, int]
    begins: bool
    ends: bool
    pre: str = "default"
    merges: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    space_before: bool = False
    template: str = ""
    notes: tuple[str, ...] = ()


def read_vocabulary(header: CheckpointHeader, rows: int, ends: Sequence[int]) -> Vocabulary:
    """The vocabulary of a checkpoint whose embedding has `rows` rows.

    `ends` are the tokens that end an answer by the model's own settings, beside the tokenizer's.

    Raises:
        ModelFileError: there is no tokenizer, or it writes tokens that the model has not.
        UnsupportedArgument: llama.cpp has no tokenizer of this kind.
    """
    own = _open(header)
    take_whole_texts(own)
    document = json.loads(own.to_str())
    model = document["model"]
    if model.get("type") != "BPE":
        raise _foreign(f"is of the kind {model.get('type')}")
    tokens, types = _tokens(own, model, rows)
    added = {token["content"]: token["id"] for token in document["added_tokens"]}
    special = _special(header, own, ends)
    plain, dressed = own.encode("a", add_special_tokens=False).ids, own.encode("a").ids
    if dressed[:1] != plain[:1]:  # a BOS that the configuration may not name
        special.setdefault("bos", dressed[0])
    told = {
        "tokens": tokens,
        "types": types,
        "special": special,
        "begins": dressed[:1] != plain[:1] and dressed[:1] == [special.get("bos")],
        "ends": dressed[-1:] != plain[-1:] and dressed[-1:] == [special.get("eos")],
        "template": header.chat_template,
    }
    if model.get("byte_fallback"):
        return _sentencepiece(document, {**added, **model["vocab"]}, told)
    return _byte_level(document, told)


def _byte_level(document: Mapping[str, Any], told: dict[str, Any]) -> Vocabulary:
    model = document["model"]
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise _foreign("marks parts of words, which llama.cpp's byte-level pairs do not")
    notes, normalizer = [], document.get("normalizer")
    if normalizer is not None:
        if normalizer.get("type") != "NFC":
            raise _foreign(f"normalizes texts ({normalizer.get('type')})")
        notes.append(
            "the tokenizer composes characters (NFC) and llama.cpp does not: texts with "
            "decomposed ones (some of macOS) become other tokens"
        )
    pre = _split_name(document.get("pre_tokenizer"), bool(model.get("ignore_merges")))
    merges = tuple(m if isinstance(m, str) else " ".join(m) for m in model["merges"])
    return Vocabulary("gpt2", pre=pre, merges=merges, notes=tuple(notes), **told)


def _sentencepiece(
    document: Mapping[str, Any], ids: Mapping[str, int], told: dict[str, Any]
) -> Vocabulary:
    """SentencePiece keeps a score for each piece, the pairs of `tokenizer.json` their order."""
    scores = [0.0] * len(told["tokens"])
    for rank, merge in enumerate(document["model"]["merges"]):
        left, right = merge if not isinstance(merge, str) else merge.split(" ", 1)
        joined = ids[left + right]
        if not scores[joined]:
            scores[joined] = -float(rank + 1)
    types = [
        BYTE if kind == NORMAL and len(token) == 6 and token.startswith("<0x") else kind
        for token, kind in zip(told["tokens"], told["types"], strict=True)
    ]
    if (unknown := told["special"].get("unknown")) is not None:
        types[unknown] = UNKNOWN
    space = _puts_space_before(document)
    return Vocabulary(
        "llama", scores=tuple(scores), space_before=space, **{**told, "types": tuple(types)}
    )


def _puts_space_before(document: Mapping[str, Any]) -> bool:
    """Whether a space is read before every text, by normalizer or splitting rule."""
    normalizer, pre = document.get("normalizer") or {}, document.get("pre_tokenizer") or {}
    steps = normalizer.get("normalizers", [normalizer])
    if any(step.get("type") == "Prepend" and step.get("prepend") == _SPACE for step in steps):
        return True
    return pre.get("type") == "Metaspace" and pre.get("prepend_scheme", "always") != "never"


def _tokens(
    own: Any, model: Mapping[str, Any], rows: int
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Each token's text and type; rows without a token are named by their number."""
    byte_level = not model.get("byte_fallback")
    added = own.get_added_tokens_decoder()
    texts = {index: text for text, index in own.get_vocab(with_added_tokens=True).items()}
    if texts and max(texts) >= rows:
        raise ModelFileError(
            f"the tokenizer writes token {max(texts)}, but the model has {rows}: they do not "
            "belong together",
            hint="copy the tokenizer of the model these weights were made from",
        )
    tokens, types = [], []
    for index in range(rows):
        token = added.get(index)
        if index not in texts:
            tokens.append(f"[PAD{index}]")
            types.append(UNUSED)
        elif token is None:
            tokens.append(texts[index])
            types.append(NORMAL)
        else:
            text = token.content
            tokens.append(text if byte_level else text.replace(_SPACE, " "))
            types.append(CONTROL if token.special else USER_DEFINED)
    return tuple(tokens), tuple(types)


def _special(header: CheckpointHeader, own: Any, ends: Sequence[int]) -> dict[str, int]:
    special: dict[str, int] = {}
    for kind, name in _SPECIAL.items():
        text = header.special_token(kind)
        index = own.token_to_id(text) if text else None
        if index is not None:
            special[name] = index
    further = [end for end in ends if end != special.get("eos")]
    if "eos" not in special and further:
        special["eos"] = further.pop(0)
    special.update(zip(_FURTHER_ENDS, further, strict=False))
    return special


def _split_name(rule: Mapping[str, Any] | None, whole_words: bool) -> str:
    """llama.cpp's name for a splitting rule. `whole_words`: known words are not put together."""
    steps = [] if rule is None else rule.get("pretokenizers", [rule])
    kinds = [step.get("type") for step in steps]
    byte_level = steps[-1] if kinds[-1:] == ["ByteLevel"] else None
    if byte_level is None or byte_level.get("add_prefix_space"):
        raise _foreign("does not split texts as byte-level pairs do")
    if kinds == ["ByteLevel"] and byte_level.get("use_regex", True):
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "smollm"  # of the names for this rule the one that leaves decoded spaces alone
    if kinds == ["Split", "ByteLevel"] and steps[0].get("behavior") == "Isolated":
        name = _regex_name(steps[0].get("pattern", {}).get("Regex", ""))
        # The rule of Llama 3 goes by two names: only one looks whole words up first.
        if name == "llama-bpe" and not whole_words:
            return "smaug-bpe"
        if name:
            return name
    raise _foreign(f"splits texts by a rule that llama.cpp has no name for ({kinds})")


def _regex_name(regex: str) -> str:
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    preferred = ("llama-bpe", "qwen2", "qwen35", "gpt-4o", "tekken")
    return next((n for n in preferred if GGUF_PRE_TOKENIZER_SPLITS.get(n) == regex), "")


def _open(header: CheckpointHeader) -> Any:
    """The tokenizer of the package `tokenizers`, made from other files where it has none."""
    path = header.path / "tokenizer.json"
    try:
        if path.is_file():
            import tokenizers

            return tokenizers.Tokenizer.from_file(str(path))
        return _converted(header.path)
    except Exception as error:  # noqa: BLE001 (the package raises nothing narrower)
        raise ModelFileError(
            f"the tokenizer in {header.path} cannot be read: {error}",
            hint="copy tokenizer.json of the model it was made from into the folder",
        ) from None


def _converted(folder: Path) -> Any:
    import transformers

    found = transformers.AutoTokenizer.from_pretrained(
        str(folder), local_files_only=True, trust_remote_code=False
    )
    return found.backend_tokenizer


def _foreign(why: str) -> UnsupportedArgument:
    return UnsupportedArgument(
        f"the tokenizer {why}",
        hint="use the checkpoint as it is, with the engine transformers",
    )
