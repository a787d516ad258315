"""Values as data: what goes in comes out, and nothing else ever comes out."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter, OrderedDict, defaultdict, deque
from enum import IntEnum
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.judge import codec, codec_writing
from codelathe.judge.codec_kinds import MAX_DEPTH, MAX_INT_BITS, MAX_ITERATED

surrogates = st.text(st.characters(exclude_categories=()))
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | surrogates
    | st.binary()
    | st.builds(bytearray, st.binary())
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.builds(range, st.integers(), st.integers(), st.integers(1))
)
hashable = st.recursive(
    leaves.filter(lambda v: type(v) is not bytearray),
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4),
    max_leaves=8,
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=4).map(deque)
        | st.sets(hashable, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4).map(OrderedDict)
        | st.dictionaries(hashable, st.integers(), max_size=4).map(Counter)
    ),
    max_leaves=16,
)


def there_and_back(value: Any) -> Any:
    return codec.decode(codec.loads(codec.dumps(codec.encode(value))))


def types(value: Any) -> Any:
    """The exact types of a value and of all it holds."""
    if isinstance(value, dict):
        return type(value), [(types(k), types(v)) for k, v in value.items()]
    if isinstance(value, (list, tuple, deque)):
        return type(value), [types(v) for v in value]
    if isinstance(value, (set, frozenset)):
        return type(value), Counter(type(v) for v in value)
    return type(value)


@given(values)
def test_a_value_comes_back_equal(value: Any) -> None:
    assert there_and_back(value) == value


@given(values)
def test_a_value_comes_back_with_its_exact_types(value: Any) -> None:
    assert types(there_and_back(value)) == types(value)


@given(st.binary())
def test_any_bytes_decode_or_raise_the_codecs_own_error(data: bytes) -> None:
    try:
        codec.decode(codec.loads(data))
    except codec.CodecError:
        return


json_trees = st.recursive(
    st.none() | st.booleans() | st.integers() | surrogates | st.sampled_from(list(codec.LIVE)),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=20,
)


@given(json_trees)
def test_any_tree_decodes_or_raises_the_codecs_own_error(tree: Any) -> None:
    try:
        codec.decode(codec.loads(json.dumps(tree).encode("ascii")))
    except codec.CodecError:
        return


@given(st.binary(max_size=40).map(lambda b: b.decode("latin-1")), st.integers(0, 400))
def test_an_altered_encoding_decodes_or_raises_the_codecs_own_error(noise: str, at: int) -> None:
    text = codec.dumps(codec.encode([1, {"a": (2.5, {3, 4})}, "x", b"y", Fraction(1, 3)])).decode()
    altered = (text[:at] + noise + text[at:]).encode("utf-8")
    try:
        codec.decode(codec.loads(altered))
    except codec.CodecError:
        return


def test_nan_comes_back_as_nan() -> None:
    assert math.isnan(there_and_back(math.nan))


def test_negative_zero_keeps_its_sign() -> None:
    assert math.copysign(1, there_and_back(-0.0)) == -1


def test_two_lone_surrogates_do_not_become_one_character() -> None:
    assert len(there_and_back("\ud83d\ude00")) == 2


def test_a_defaultdict_comes_back_without_its_factory() -> None:
    assert there_and_back(defaultdict(list, a=[1])) == {"a": [1]}


class Liar(str):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Meta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError


class Nameless(metaclass=Meta):
    pass


@pytest.mark.parametrize("value", [Liar("x"), object(), Nameless(), len, type, Ellipsis])
def test_what_is_not_data_comes_back_opaque(value: object) -> None:
    assert type(there_and_back(value)) is codec.Opaque


def test_an_opaque_value_equals_no_value() -> None:
    assert there_and_back(Liar("x")) != "x"


class Point(NamedTuple):
    x: int
    y: int


class Level(IntEnum):
    LOW = 1


class Stack(list[int]):
    pass


@pytest.mark.parametrize("value", [Point(1, 2), Level.LOW, Stack([1]), {"a": [Point(3, 4)]}])
def test_an_heir_of_a_type_of_data_comes_back_as_what_it_is_equal_to(value: object) -> None:
    assert there_and_back(value) == value


def test_a_generator_comes_back_as_what_it_yielded() -> None:
    assert there_and_back(i for i in range(3)).items == (0, 1, 2)


def test_a_generator_does_not_equal_the_list_of_what_it_yields() -> None:
    assert there_and_back(i for i in range(3)) != [0, 1, 2]


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


endless: list[Any] = []
endless.append(endless)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (endless, "nested deeper"),
        (nested(MAX_DEPTH + 2), "nested deeper"),
        ("x" * (1 << 21), "the limit on bytes"),
        (1 << (MAX_INT_BITS + 1), "an integer of"),
        ((i for i in range(MAX_ITERATED + 1)), "an iterator of more than"),
        (Fraction(1, 3**20_000), "a fraction of too many"),
    ],
    ids=["endless", "deep", "long", "digits", "iterated", "ratio"],
)
def test_a_value_over_a_cap_is_too_large(value: Any, told: str) -> None:
    with pytest.raises(codec.TooLarge, match=told):
        codec.encode(value)


def test_a_value_of_too_many_items_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_writing, "MAX_ITEMS", 100)
    codec.encode([()] * 99)
    with pytest.raises(codec.TooLarge, match="more than 100 items"):
        codec.encode([()] * 100)


def test_what_must_be_plain_refuses_what_is_not() -> None:
    with pytest.raises(TypeError):
        codec.encode([object()], plain=True)


def test_a_set_of_keys_with_one_hash_is_refused() -> None:
    prime = (1 << 61) - 1
    tree = codec.encode({i * prime for i in range(1000)})
    with pytest.raises(codec.CodecError):
        codec.decode(tree)


def test_a_grid_of_points_is_no_attack_though_many_share_a_hash() -> None:
    grid = set(itertools.product(range(-2, 3), repeat=6))
    assert there_and_back(grid) == grid
