"""The limits a candidate can be given."""

from __future__ import annotations

import math
from typing import Any

import pytest

from codelathe.core.errors import UsageError
from codelathe.core.judging import Limits


@pytest.mark.parametrize(
    "limit",
    [
        {"seconds": 0},
        {"seconds": math.inf},
        {"seconds": math.nan},
        {"memory_mb": -1},
        {"memory_mb": 1 << 63},
        {"output_bytes": 0},
        {"output_bytes": 1 << 40},
    ],
)
def test_limits_that_no_machine_can_keep_are_refused(limit: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as error:
        Limits(**limit)
    assert error.value.field == next(iter(limit))
