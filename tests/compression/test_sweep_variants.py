"""The names of variants: one spelling each, and what is wrong with another is said."""

from __future__ import annotations

import pytest

from codelathe.compression.options import PruneOptions
from codelathe.compression.quantizing_methods import METHODS
from codelathe.compression.variants import USUAL, parse_variant, parse_variants
from codelathe.core.errors import UnknownName, UsageError


def test_a_list_keeps_its_order_and_names_each_once() -> None:
    found = parse_variants(" wanda:0.50, q8_0 wanda:0.5,,Q8_0 ")
    assert [one.name for one in found] == ["wanda:0.5", "q8_0"]


def test_what_is_made_usually_can_be_made() -> None:
    assert [one.name for one in parse_variants(USUAL)] == USUAL.split(",")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_of_quantizing_is_a_variant(name: str) -> None:
    found = parse_variant(name)
    assert (found.kind, found.how) == ("quantized", METHODS[name])
    assert found.engine in METHODS[name].engines


@pytest.mark.parametrize(
    ("text", "sparsity", "pattern", "name"),
    [
        ("wanda:0.5", 0.5, "None", "wanda:0.5"),
        ("L1:.3", 0.3, "None", "l1:0.3"),
        ("sparsegpt:2:4", 0.5, "2:4", "sparsegpt:2:4"),
        ("depth:0.2", 0.2, "None", "depth:0.2"),
        ("l1-structured:0.25", 0.25, "None", "l1-structured:0.25"),
    ],
)
def test_pruned_variants_say_how_much(text: str, sparsity: float, pattern: str, name: str) -> None:
    found = parse_variant(text)
    assert isinstance(found.how, PruneOptions)
    assert (found.name, found.how.sparsity, str(found.how.pattern)) == (name, sparsity, pattern)


@pytest.mark.parametrize("share", ["0.9999999", "1e-07", "0.3333333333333333"])
def test_a_share_is_named_to_its_last_digit(share: str) -> None:
    found = parse_variant(f"wanda:{share}")
    assert found == parse_variant(found.name)
    assert found.name == f"wanda:{share}"


def test_a_variants_folder_is_one_name() -> None:
    assert parse_variant("sparsegpt:2:4").folder == "sparsegpt-2-4"


def test_gguf_files_are_measured_with_llama_cpp_and_openvinos_folders_with_openvino() -> None:
    assert parse_variant("q8_0").engine == "llamacpp"
    assert parse_variant("openvino-int4").engine == "openvino"
    assert parse_variant("wanda:0.5").engine == "transformers"


@pytest.mark.parametrize(
    ("name", "packages"),
    [
        ("q8_0", ("xllamacpp",)),
        ("nf4", ("bitsandbytes", "torch")),
        ("openvino-int8", ("nncf", "openvino_genai")),
        ("l1:0.5", ("zstandard", "torch")),
        ("depth:0.2", ("torch",)),
    ],
)
def test_what_a_variant_needs_is_known_before_it_is_made(
    name: str, packages: tuple[str, ...]
) -> None:
    assert parse_variant(name).packages == packages


@pytest.mark.parametrize(
    ("text", "nearest"), [("q8_1", "q8_0"), ("wnda:0.5", "wanda"), ("int5", "int8")]
)
def test_an_unknown_method_is_refused_with_the_nearest(text: str, nearest: str) -> None:
    with pytest.raises(UnknownName) as caught:
        parse_variants(f"q8_0,{text}")
    assert nearest in caught.value.nearest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no method is named"),
        (" , ", "no method is named"),
        ("wanda", "nothing says how much"),
        ("wanda:", "nothing says how much"),
        ("wanda:1.5", "not between 0 and 1"),
        ("wanda:nan", "not between 0 and 1"),
        ("wanda:half", "no share of the weights"),
        ("wanda:4:2", "is no pattern"),
        ("sparsegpt:0.5:2:4", "is no pattern"),
        ("depth:2:4", "takes whole parts away"),
        ("q8_0:0.5", "takes nothing behind a colon"),
    ],
)
def test_what_makes_no_sense_is_refused_with_how_to_write_it(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        parse_variants(text)
    assert caught.value.hint.startswith("--methods ")
