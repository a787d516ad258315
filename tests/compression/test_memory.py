"""Too little memory is told as what it is, and nothing else is taken for it."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from codelathe.compression.memory import check_global_memory, told_of_memory
from codelathe.core.errors import EngineError

REFUSED = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError(REFUSED)])
def test_an_allocation_that_failed_is_told_as_too_little_memory(error: Exception) -> None:
    with (
        pytest.raises(EngineError, match="too little memory to prune tiny"),
        told_of_memory("tiny"),
    ):
        raise error


def test_another_error_goes_its_way() -> None:
    with pytest.raises(RuntimeError, match="shapes"), told_of_memory("tiny"):
        raise RuntimeError("shapes differ")


def test_comparing_all_weights_is_refused_where_it_does_not_fit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10**9))
    check_global_memory(10**7, 2, 0.5)
    with pytest.raises(EngineError) as told:
        check_global_memory(10**9, 2, 0.5)
    assert "--scope layer" in told.value.hint
