"""EvalPlus's comparison of a value with the one expected, in our own words.

The rules are those of version 0.3.1 (Liu et al. 2023, arXiv:2305.01210), facts read from its
program: equality first; where that fails and a tolerance is in force, values of one type that
numpy's `allclose` finds close; and eight problems, or groups of them, with rules of their own.
Standard library only, and nothing of codelathe: this text also becomes part of test programs
that run where nothing else is at hand.

numpy is not needed: `all_close` decides as `numpy.allclose` (2.x) does of numbers, and of
nested lists, tuples and ranges of numbers, broadcasting included. On all else it raises, as
numpy does.
"""

from __future__ import annotations

import math
from typing import Any

#: Problems of MBPP+ whose answers are compared as sets.
AS_SETS = {
    "similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly",
    "larg_nnum", "intersection_array", "find_dissimilar", "Diff",
}  # fmt: skip
#: Those of which only is asked whether there is an answer; what is expected is True or False.
NOT_NONE = {"check_str", "text_match_three", "text_starta_endb"}

RELATIVE = 1e-07
FOR_FLOATS = 1e-6  # the tolerance once a float was expected, where the problem has none


class Rules:
    """Compares the answers to one problem, call after call; the tolerance may grow on the way.

    `dataset` is `humaneval` or `mbpp`. A comparison that raises means: not as expected.
    """

    def __init__(self, dataset: str, entry_point: str, tolerance: float) -> None:
        self.problem = f"{dataset}/{entry_point}"
        self.entry_point = entry_point
        self.tolerance = tolerance

    def holds(self, args: Any, expected: Any, got: Any) -> bool:
        """Whether `got` is a right answer to `args`, for which `expected` was computed."""
        if self.problem == "humaneval/find_zero":
            return bool(abs(polynomial(args[0], got)) <= self.tolerance)
        equal = self.special(args, expected, got, got == expected)
        if self.tolerance == 0 and is_floats(expected):
            self.tolerance = FOR_FLOATS
        if equal or self.tolerance == 0:
            return bool(equal)
        if type(got) is not type(expected):
            return False
        if isinstance(expected, list | tuple) and len(got) != len(expected):
            return False
        return all_close(got, expected, self.tolerance)

    def special(self, args: Any, expected: Any, got: Any, equal: Any) -> Any:
        """What the problem's own rule makes of `equal`."""
        name = self.entry_point if self.problem.startswith("mbpp/") else ""
        if name == "are_equivalent":
            return True
        if name == "sum_div":
            return equal or got == 0
        if name == "surface_Area":
            return equal or abs(got - pyramid_surface(*args)) <= self.tolerance
        if name == "digit_distance_nums":
            return equal or got == digit_distance(*args)
        if name in AS_SETS:
            return set(got) == set(expected)
        if name in NOT_NONE:
            return (got if isinstance(got, bool) else got is not None) == expected
        return equal


def polynomial(coefficients: Any, x: Any) -> Any:
    """The value at `x`, the constant coming first."""
    return sum(c * math.pow(x, i) for i, c in enumerate(coefficients))


def pyramid_surface(base: Any, height: Any) -> Any:
    """Of a square pyramid, `height` being that of its apex."""
    slant = math.sqrt((base / 2) ** 2 + height**2)
    return round(base**2 + 4 * (base * slant) / 2)


def digit_distance(first: Any, second: Any) -> int:
    """The sum of the differences of digits, the shorter number padded with zeros."""
    one, two = str(first), str(second)
    width = max(len(one), len(two))
    pairs = zip(one.zfill(width), two.zfill(width), strict=True)
    return sum(abs(int(a) - int(b)) for a, b in pairs)


def is_floats(value: Any) -> bool:
    """A float, or a list or tuple that holds floats and nothing else."""
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def all_close(got: Any, expected: Any, tolerance: float) -> bool:
    """Whether each number of `got` is near its counterpart, as `numpy.allclose` has it.

    Raises ValueError, TypeError or OverflowError where numpy would not compare the two.
    """
    shape, left = flattened(got)
    other, right = flattened(expected)
    if not all(fits(number, bare=not other) for number in right):
        raise TypeError("numbers that numpy keeps as objects")
    if shape != other:
        width = max(len(shape), len(other))
        shape, other = [1] * (width - len(shape)) + shape, [1] * (width - len(other)) + other
        left, right = broadcast(left, shape, other), broadcast(right, other, shape)
    found = True
    for x, y in zip(left, right, strict=True):  # to the end: numpy raises for any that is none
        found = near(x, y, tolerance) and found
    return found


def flattened(value: Any) -> tuple[list[int], list[Any]]:
    """The shape of nested sequences, and what they hold, in order; of a number, no shape."""
    if isinstance(value, str | bytes):
        raise TypeError("text")
    if not isinstance(value, list | tuple | range):
        return [], [value]
    parts = [flattened(item) for item in value]
    if any(shape != parts[0][0] for shape, _ in parts):
        raise ValueError("rows of different shapes")
    return [len(parts), *(parts[0][0] if parts else [])], [x for _, row in parts for x in row]


def fits(number: Any, bare: bool) -> bool:
    """Whether numpy computes with it: in an array, integers have 64 bits."""
    if isinstance(number, int) and not bare:
        return -(1 << 63) <= number < 1 << 64
    return isinstance(number, int | float | complex)


def broadcast(numbers: list[Any], shape: list[int], other: list[int]) -> list[Any]:
    """`numbers` of an array of `shape`, stretched along the axes where `other` is longer."""
    for axis in range(len(shape)):
        if shape[axis] == other[axis] or other[axis] == 1:
            continue
        if shape[axis] != 1:
            raise ValueError("shapes that do not fit")
        size = math.prod(shape[axis + 1 :])
        rows = [numbers[i : i + size] for i in range(0, len(numbers), size)] if size else []
        numbers = [number for row in rows for _ in range(other[axis]) for number in row]
        shape = [*shape[:axis], other[axis], *shape[axis + 1 :]]
    return numbers


def near(x: Any, y: Any, tolerance: float) -> bool:
    """Whether one number is near `y`, relatively or absolutely; infinities only when equal."""
    y = y if isinstance(y, complex) else float(y)
    distance = abs(x - y)
    finite = math.isfinite(y.real) and math.isfinite(y.imag)
    return bool(x == y or (finite and distance <= tolerance + RELATIVE * abs(y)))
