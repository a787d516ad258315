"""Tokenizers as GGUF metadata: which rule has which name, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, trainers

from codelathe.core.checkpoint import read_checkpoint_header
from codelathe.core.errors import ModelFileError, UnsupportedArgument
from codelathe.core.gguf import read_gguf_header
from codelathe.engines.gguf_tokenizer import GgufTokenizer
from codelathe.training.export.gguf_export import GgufOrder, make_gguf
from codelathe.training.export.prompts import PROBES
from codelathe.training.export.vocabulary import Vocabulary, read_vocabulary
from codelathe.wiring import open_checkpoint
from fakes.checkpoints import CORPUS

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}


@pytest.fixture
def folder(checkpoint: Callable[..., Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint("llama"), tmp_path / "llama"))


def changed(folder: Path, **changes: Any) -> Vocabulary:
    """The vocabulary after changes of `tokenizer.json`."""
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return read_vocabulary(read_checkpoint_header(folder), 400, [2])


def split(regex: str) -> dict[str, Any]:
    rule = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [rule, {**BYTE_LEVEL, "use_regex": False}]}


def test_plain_byte_level_pairs_are_gpt_2s(folder: Path) -> None:
    assert changed(folder, pre_tokenizer={**BYTE_LEVEL, "use_regex": True}).pre == "gpt-2"


def test_digits_one_by_one_are_smollms(folder: Path) -> None:
    digits = {"type": "Digits", "individual_digits": True}
    steps = [digits, {**BYTE_LEVEL, "use_regex": True}]
    rule = {"type": "Sequence", "pretokenizers": steps}
    assert changed(folder, pre_tokenizer=rule).pre == "smollm"


def test_the_rule_of_llama_3_has_a_name_with_and_one_without_whole_words(folder: Path) -> None:
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    rule = split(GGUF_PRE_TOKENIZER_SPLITS["llama-bpe"])
    assert changed(folder, pre_tokenizer=rule).pre == "smaug-bpe"
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    whole = {**model, "ignore_merges": True}
    assert changed(folder, pre_tokenizer=rule, model=whole).pre == "llama-bpe"


@pytest.mark.parametrize(
    "changes",
    [
        {"pre_tokenizer": split(r"\p{L}+|\p{N}{2}")},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"pre_tokenizer": {**BYTE_LEVEL, "use_regex": True, "add_prefix_space": True}},
        {"normalizer": {"type": "Lowercase"}},
    ],
)
def test_a_rule_without_a_name_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedArgument, match="the tokenizer"):
        changed(folder, **changes)


def test_composing_characters_is_noted(folder: Path) -> None:
    assert "NFC" in changed(folder, normalizer={"type": "NFC"}).notes[0]


def test_tokens_have_their_types_and_rows_without_one_are_unused(folder: Path) -> None:
    found = read_vocabulary(read_checkpoint_header(folder), 410, [2])
    assert len(found.tokens) == len(found.types) == 410
    assert found.tokens[2] == "<|end|>"
    assert found.types[2] == 3
    assert found.tokens[409] == "[PAD409]"
    assert found.types[409] == 5
    assert found.types[100] == 1


def test_begins_and_ends_are_those_of_the_tokenizer(folder: Path) -> None:
    found = read_vocabulary(read_checkpoint_header(folder), 400, [2])
    assert found.begins
    assert not found.ends
    assert (found.special["bos"], found.special["eos"]) == (1, 2)


def test_a_begin_that_the_configuration_does_not_name_is_that_of_the_tokenizer(
    folder: Path,
) -> None:
    path = folder / "tokenizer_config.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({key: told[key] for key in told if key != "bos_token"}))
    found = read_vocabulary(read_checkpoint_header(folder), 400, [2])
    assert found.begins
    assert found.special["bos"] == 1


def test_further_end_tokens_get_the_places_that_there_are(folder: Path) -> None:
    special = read_vocabulary(read_checkpoint_header(folder), 400, [2, 3, 4]).special
    assert (special["eot"], special["eom"]) == (3, 4)


def test_a_folder_without_a_tokenizer_is_refused(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_vocabulary(read_checkpoint_header(folder), 400, [2])


def test_sentencepieces_pairs_become_the_same_tokens_in_llamacpp(
    folder: Path, tmp_path: Path
) -> None:
    write_sentencepiece(folder / "tokenizer.json")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.update(bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="</s>")
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    out = tmp_path / "x.gguf"
    order = GgufOrder(str(folder), folder, "x", out, "f16", 1)
    make_gguf(order, open_checkpoint, lambda *_: None)
    own = Tokenizer.from_file(str(folder / "tokenizer.json"))
    header = read_gguf_header(out)
    assert header.metadata["tokenizer.ggml.model"] == "llama"
    with closing(GgufTokenizer(header)) as theirs:
        for text in PROBES:
            ids = own.encode(text, add_special_tokens=False).ids
            assert theirs.encode(text)[0] == ids, text


def write_sentencepiece(path: Path) -> None:
    """Pairs with byte fallback and a space before each text, as Llama 2 has them."""
    special = ["<unk>", "<s>", "</s>"]
    own = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    prepend, replace = normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")
    own.normalizer = normalizers.Sequence([prepend, replace])
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=390, special_tokens=[*special, *bytes_], show_progress=False
    )
    own.train_from_iterator(CORPUS, trainer)
    document = json.loads(own.to_str())
    document["model"]["byte_fallback"] = True
    document["added_tokens"] = [t for t in document["added_tokens"] if t["content"] in special]
    path.write_text(json.dumps(document))
