"""The numbers of a comparison, and when they are beyond the bounds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from codelathe.training.export.comparing import Bounds, Comparison, Led, compare_texts
from codelathe.training.export.prompts import prompts

BOUNDS = Bounds(logits=0.01, divergence=0.1, agreeing=0.9)
SAME = Led(places=10, agreeing=10, parting=None, difference=0.1, largest=20.0, divergence=0.5)


def test_texts_tokens_and_divergence_are_counted_over_all_answers() -> None:
    other = replace(SAME, agreeing=9, parting=4, divergence=1.5)
    found = Comparison((SAME, other), BOUNDS)
    assert (found.places, found.agreeing, found.equal_texts) == (20, 19, 1)
    assert found.divergence == pytest.approx(0.1)
    assert found.document()["first_differences"] == [None, 4]


def test_the_largest_difference_is_a_part_of_the_largest_logit() -> None:
    assert Comparison((SAME, replace(SAME, largest=10.0)), BOUNDS).difference == 0.1 / 20


def test_within_the_bounds_nothing_is_broken() -> None:
    assert Comparison((SAME,), BOUNDS).broken() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"difference": 0.3}, "a logit is off"),
        ({"divergence": 1.1}, "KL 0.11 nats"),
        ({"agreeing": 8}, "8 of 10 tokens"),
        ({"finite": False}, "no numbers"),
    ],
)
def test_each_bound_is_told_alone(changes: dict[str, float], told: str) -> None:
    broken = Comparison((replace(SAME, **changes),), BOUNDS).broken()
    assert len(broken) == 1
    assert told in broken[0]


def test_a_text_parts_at_its_first_other_character_or_where_it_ends() -> None:
    first, second = ["same", "abcd", "abc"], ["same", "abxd", "abcdef"]
    found = compare_texts("llamacpp", first, second)
    assert found.partings == (None, 2, 3)
    assert found.equal == 1


def test_prompts_are_always_the_same_and_all_different() -> None:
    assert prompts(150)[:50] == prompts(50)
    assert len(set(prompts(150))) == 150


def test_logits_that_are_no_numbers_on_either_side_are_a_fault_and_leave_json_whole() -> None:
    from codelathe.training.export._torch_answers import _compared

    good, bad = torch.zeros(3, 5), torch.full((3, 5), float("nan"))
    for first, second in ((good, bad), (bad, good)):
        found = Comparison((_compared(first, second),), BOUNDS)
        assert found.broken() == ["its logits are no numbers"]
        json.dumps(found.document(), allow_nan=False)
