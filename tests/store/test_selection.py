"""Which files of a repository make up one model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.errors import ModelRefError, UnknownName
from codelathe.store.selection import is_quant, select, select_data

MANY = ["m-q4_0.gguf", "m-q4_k_m.gguf", "m-q8_0.gguf", "README.md", "config.json"]
SHARDS = ["m-q4_k_m-00001-of-00002.gguf", "m-q4_k_m-00002-of-00002.gguf", "m-q8_0.gguf"]
CHECKPOINT = [
    "README.md", "LICENSE", "config.json", "generation_config.json", "merges.txt",
    "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
    "model.safetensors.index.json", "onnx/model.onnx", "pytorch_model.bin",
    "tokenizer.json", "training_args.bin", "optimizer.bin",
]  # fmt: skip


def test_the_default_quantization_is_chosen_among_many() -> None:
    assert select("r", MANY).files == ("m-q4_k_m.gguf",)


def test_the_only_gguf_file_is_chosen_whatever_it_is() -> None:
    assert select("r", ["README.md", "tiny-f16.gguf"]).files == ("tiny-f16.gguf",)


def test_a_quantization_chooses_its_file() -> None:
    assert select("r", MANY, "Q8_0").files == ("m-q8_0.gguf",)


def test_a_file_name_chooses_itself() -> None:
    assert select("r", MANY, "m-q4_0.gguf").files == ("m-q4_0.gguf",)


def test_shards_are_one_model_with_the_first_in_front() -> None:
    assert select("r", SHARDS).files == tuple(SHARDS[:2])


def test_a_whole_file_wins_over_its_shards() -> None:
    assert select("r", [*SHARDS, "m-q4_k_m.gguf"]).files == ("m-q4_k_m.gguf",)


def test_a_wrong_quantization_is_told_with_all_that_there_are() -> None:
    with pytest.raises(UnknownName) as caught:
        select("r", MANY, "q9_z")
    assert all(stem in caught.value.hint for stem in ("m-q4_0", "m-q4_k_m", "m-q8_0"))


def test_without_a_default_the_choice_is_left_to_the_user() -> None:
    with pytest.raises(ModelRefError) as caught:
        select("r", ["a-q8_0.gguf", "a-f16.gguf"])
    assert "a-q8_0" in caught.value.hint


def test_a_projector_is_not_a_model() -> None:
    assert select("r", ["m-q8_0.gguf", "mmproj-m-f16.gguf"]).files == ("m-q8_0.gguf",)


def test_a_checkpoint_is_configuration_tokenizer_and_weights() -> None:
    assert select("r", CHECKPOINT).files == (
        "config.json", "LICENSE", "generation_config.json", "merges.txt",
        "model.safetensors.index.json", "tokenizer.json",
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
    )  # fmt: skip


OPENVINO = [
    "config.json", "openvino_detokenizer.bin", "openvino_detokenizer.xml", "openvino_model.bin",
    "openvino_model.xml", "openvino_tokenizer.bin", "openvino_tokenizer.xml", "tokenizer.json",
]  # fmt: skip


def test_openvinos_form_is_a_model_of_its_own() -> None:
    chosen = select("r", [*OPENVINO, "lathe.json", "README.md"])
    assert chosen.format == "openvino"
    assert {"config.json", "tokenizer.json", "openvino_model.bin"} <= set(chosen.files)
    assert "README.md" not in chosen.files


def test_safetensors_are_preferred_to_openvinos_form() -> None:
    assert select("r", [*OPENVINO, "model.safetensors"]).format == "safetensors"


def test_half_of_openvinos_form_is_no_model() -> None:
    with pytest.raises(ModelRefError, match="no model"):
        select("r", ["config.json", "openvino_model.xml"])


def test_safetensors_are_preferred_to_pickles() -> None:
    assert select("r", CHECKPOINT).format == "safetensors"


def test_pickles_are_taken_where_there_is_nothing_else() -> None:
    chosen = select("r", ["config.json", "pytorch_model.bin", "vocab.json"])
    assert (chosen.format, chosen.files[-1]) == ("pytorch", "pytorch_model.bin")


def test_no_model_at_all_is_told() -> None:
    with pytest.raises(ModelRefError):
        select("r", ["README.md", "data.json"])


def test_a_quantization_of_a_checkpoint_is_refused() -> None:
    with pytest.raises(ModelRefError):
        select("r", CHECKPOINT, "q4_k_m")


@pytest.mark.parametrize(
    ("stem", "quant", "fits"),
    [
        ("m-Q4_K_M", "q4_k_m", True),
        ("m.Q4_K_M", "q4_k_m", True),
        ("m-q4_k_m", "q4_k", False),
        ("m-q4_0_4_4", "q4_0", False),
        ("m-iq4_0", "q4_0", False),
        ("q8_0", "q8_0", True),
    ],
)
def test_a_quantization_is_a_whole_word_of_the_name(stem: str, quant: str, fits: bool) -> None:
    assert is_quant(stem, quant) is fits


@given(st.lists(st.text("ab-.q4_k0m/", min_size=1, max_size=20)), st.text("abq4_k.", max_size=8))
def test_any_listing_gives_files_of_it_or_one_of_our_errors(names: list[str], wanted: str) -> None:
    names = [f"{name}.gguf" for name in names]
    try:
        chosen = select("r", names, wanted)
    except (ModelRefError, UnknownName):
        return
    assert set(chosen.files) <= set(names)


@pytest.mark.parametrize(
    ("names", "wanted", "chosen"),
    [
        (["README.md", "rows.jsonl"], "", ("rows.jsonl",)),
        (["test.csv", "train.csv"], "", ("train.csv",)),
        (["test.csv", "train.csv"], "test", ("test.csv",)),
        (["a/train-0.csv", "b/train-0.csv"], "b/train-0.csv", ("b/train-0.csv",)),
        (["py/test.csv", "py/train.csv", "go/train.csv"], "py", ("py/train.csv",)),
        (["config.json", "dataset_infos.json", ".x.json", "a.json.gz"], "", ("a.json.gz",)),
        (
            ["d/train-00000-of-00002.parquet", "d/train-00001-of-00002.parquet", "d/test.parquet"],
            "",
            ("d/train-00000-of-00002.parquet", "d/train-00001-of-00002.parquet"),
        ),
    ],
    ids=["only", "training", "named", "by path", "within", "beside", "shards"],
)
def test_of_a_data_set_the_files_of_one_part_are_chosen(
    names: list[str], wanted: str, chosen: tuple[str, ...]
) -> None:
    assert select_data("o/r", names, wanted) == chosen


def test_a_data_set_of_parts_that_are_alike_has_them_listed() -> None:
    with pytest.raises(ModelRefError) as refused:
        select_data("o/r", ["a.csv", "b.csv"])
    assert refused.value.hint == "name one, hf:o/r:PART: a, b"


def test_a_part_that_is_not_there_is_unknown() -> None:
    with pytest.raises(UnknownName, match="part of o/r 'tset'"):
        select_data("o/r", ["test.csv"], "tset")


def test_a_repository_without_data_is_refused() -> None:
    with pytest.raises(ModelRefError, match="holds no data"):
        select_data("o/r", ["README.md", "dataset_infos.json"])
