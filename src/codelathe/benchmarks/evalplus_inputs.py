"""MBPP+'s arguments as its problems take them: JSON has no tuples, sets or complex numbers.

Which problem wants what is a fact of EvalPlus 0.3.1, whose own reading this equals; the rest
of the problems take their arguments as JSON gives them. HumanEval+ needs none of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Arguments = Sequence[Any]
_Reading = Callable[[Arguments], Arguments]


def _first_tuple(args: Arguments) -> Arguments:
    return [tuple(args[0]), *args[1:]]


def _second_tuple(args: Arguments) -> Arguments:
    return [args[0], tuple(args[1])]


def _tuples(args: Arguments) -> Arguments:
    return [tuple(arg) for arg in args]


def _lists_of_tuples(args: Arguments) -> Arguments:
    return [[tuple(item) for item in arg] for arg in args]


def _tuples_of_tuples(args: Arguments) -> Arguments:
    return [tuple(tuple(item) for item in arg) for arg in args]


def _first_list_of_tuples(args: Arguments) -> Arguments:
    return [[tuple(item) for item in args[0]], args[1]]


def _one_tuple_nested_once(args: Arguments) -> Arguments:
    return [tuple(tuple(item) if isinstance(item, list) else item for item in args[0])]


def _one_list_of_sets(args: Arguments) -> Arguments:
    # An empty list stands for an empty dictionary there.
    return [[set(item) if isinstance(item, list) and item else {} for item in args[0]]]


def _dictionary_of_tuples(args: Arguments) -> Arguments:
    return [{key: tuple(value) for key, value in args[0].items()}, *args[1:]]


def _float_and_complex(args: Arguments) -> Arguments:
    return [float(args[0]), complex(args[1])]


def _one_complex(args: Arguments) -> Arguments:
    return [complex(args[0])]


def _all_tuples(args: Arguments) -> Arguments:
    return [_deeply(arg) for arg in args]


def _deeply(value: Any) -> Any:
    return tuple(map(_deeply, value)) if isinstance(value, list) else value


_PROBLEMS: dict[_Reading, tuple[int, ...]] = {
    _tuples: (
        2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616,
        630, 726, 740, 744, 809,
    ),
    _lists_of_tuples: (
        63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780,
    ),
    _first_list_of_tuples: (75, 413, 444, 753),
    _first_tuple: (250, 307, 405, 446, 617, 720, 763, 808),
    _second_tuple: (106, 750),
    _tuples_of_tuples: (259, 401, 445),
    _one_tuple_nested_once: (278,),
    _one_list_of_sets: (115,),
    _dictionary_of_tuples: (722,),
    _float_and_complex: (124,),
    _one_complex: (252,),
    _all_tuples: (580, 615, 791),
}  # fmt: skip
_READINGS = {number: reading for reading, numbers in _PROBLEMS.items() for number in numbers}


def mbpp_arguments(task_id: str, args: Arguments) -> Arguments:
    """The arguments that a row of MBPP+ stands for.

    Raises:
        TypeError, ValueError, IndexError, AttributeError: they are not of the form that the
            problem has.
    """
    number = task_id.rpartition("/")[2]
    reading = _READINGS.get(int(number)) if number.isdecimal() else None
    return args if reading is None else reading(args)
