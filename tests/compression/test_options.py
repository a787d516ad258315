"""What `prune_options` refuses, and what it makes of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from codelathe.compression.options import METHODS, Pattern, prune_options
from codelathe.core.errors import UnknownName, UsageError


@pytest.mark.parametrize("sparsity", [0.0, 1.0, -0.5, 50.0, float("nan"), float("inf")])
def test_a_sparsity_outside_0_and_1_is_refused(sparsity: float) -> None:
    with pytest.raises(UsageError, match="is not between 0 and 1"):
        prune_options("wanda", sparsity)


def test_a_percentage_is_told_as_the_share_it_means() -> None:
    with pytest.raises(UsageError, match=r"50% is --sparsity 0\.5"):
        prune_options("wanda", 50.0)


@pytest.mark.parametrize("pattern", ["2", "4:2", "0:4", "4:4", "2:4:8", "a:b", "2/4", "-2:4"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="is no pattern"):
        prune_options("wanda", None, pattern)


@pytest.mark.parametrize(("pattern", "sparsity"), [("2:4", 0.5), ("4:8", 0.5), ("1:4", 0.75)])
def test_the_sparsity_follows_from_the_pattern(pattern: str, sparsity: float) -> None:
    assert prune_options("wanda", None, pattern).sparsity == sparsity


def test_a_sparsity_that_contradicts_the_pattern_is_refused() -> None:
    with pytest.raises(UsageError, match=r"makes 0\.5 of the weights zero, not 0\.6"):
        prune_options("wanda", 0.6, "2:4")


def test_without_sparsity_and_pattern_nothing_is_pruned() -> None:
    with pytest.raises(UsageError, match="how much to prune"):
        prune_options("wanda", None)


def test_an_unknown_method_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName) as told:
        prune_options("sparsgpt", 0.5)
    assert "sparsegpt" in told.value.hint


@pytest.mark.parametrize("method", [m for m in METHODS if m != "l1"])
def test_the_scope_global_is_for_l1_alone(method: str) -> None:
    with pytest.raises(UsageError, match="scope global"):
        prune_options(method, 0.5, None, "global")


@pytest.mark.parametrize("method", ["depth", "l1-structured"])
def test_whole_parts_have_no_pattern(method: str) -> None:
    with pytest.raises(UsageError, match="takes whole parts away"):
        prune_options(method, None, "2:4")


def test_a_document_names_the_pattern_as_it_is_written() -> None:
    document: dict[str, Any] = prune_options("l1", None, " 2:4 ").document()
    assert document["pattern"] == str(Pattern(2, 4)) == "2:4"
