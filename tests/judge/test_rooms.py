"""Where the file system of a slot is put together."""

from __future__ import annotations

import pytest

from codelathe.judge.inside import rooms


@pytest.mark.parametrize("where", ["shown", "packages", "kits"])
def test_a_slot_is_not_built_above_what_it_shows(where: str) -> None:
    parts = {"shown": ["/usr/lib"], "covered": [], "kits": "", "size": "8m", "inodes": 512}
    here = "/tmp/project/.venv/lib"
    layout = rooms.Layout(**{**parts, where: here if where == "kits" else (here,)})
    assert rooms._cover(layout.sources) != "/tmp"
