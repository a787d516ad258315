from __future__ import annotations

import inspect

import pytest

from codelathe.core import errors
from codelathe.core.errors import LatheError, UnknownName, answer

CLASSES = [
    cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, LatheError)
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_error_has_an_answer_for_the_shell_and_for_http(cls: type[LatheError]) -> None:
    code, status = answer(cls.__new__(cls))
    assert code in (1, 2)
    assert 400 <= status < 600


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_error_stands_in_the_tree_drawn_at_the_head_of_the_module(
    cls: type[LatheError],
) -> None:
    assert cls.__name__ in (errors.__doc__ or "")


def test_what_the_caller_wrote_wrong_is_wrong_usage_even_where_an_engine_says_so() -> None:
    assert answer(errors.ContextOverflow("too long")) == (2, 422)


def test_an_unknown_name_carries_the_nearest_ones() -> None:
    error = UnknownName("model", "qwen2.5-coder-1.5", ["qwen2.5-coder-1.5b", "smollm2-135m"])
    assert error.nearest == ("qwen2.5-coder-1.5b",)
    assert "qwen2.5-coder-1.5b" in error.hint
