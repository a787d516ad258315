"""The board as one page: all in it, nothing run but its own script."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from codelathe.core.errors import UsageError
from codelathe.evaluation.board import browsing
from codelathe.evaluation.board.choosing import Choice, grouped
from codelathe.evaluation.board.collecting import collect
from codelathe.evaluation.board.facts import Knowledge
from codelathe.evaluation.board.page import write_page
from codelathe.evaluation.rows import Call
from codelathe.store import Store
from fakes import board_runs
from fakes.board_runs import asking, write_run

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)><!--\u2028 & \ud800"
STATUSES = {"Toy/0": ["passed", "failed"], "Toy/1": ["error", "timeout"]}
WEB = files("codelathe.evaluation.board").joinpath("web")


class Page(HTMLParser):
    """The elements of a page, and what its scripts hold."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = (dict(attrs).get("id") or tag) if tag in ("script", "style") else ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open] = self.inside.get(self._open, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def data(self, name: str) -> Any:
        return json.loads(self.inside[f"data-{name}"])


def build(tmp_path: Path, **texts: str) -> tuple[Page, str, tuple[str, ...]]:
    if not (tmp_path / "runs").exists():
        write_run(tmp_path / "runs/a", STATUSES, asking("<b>toy</b>", n=2), texts)
    knowledge = Knowledge(Store(home=tmp_path / "home", sources=()))
    groups = grouped(collect([tmp_path / "runs"], knowledge).rows)
    told = write_page(tmp_path / "out/board.html", groups, Choice())
    text = (tmp_path / "out/board.html").read_text(encoding="utf-8")
    return Page(text), text, told


def test_the_rows_are_in_the_page(tmp_path: Path) -> None:
    page, _, _ = build(tmp_path)
    (row,) = page.data("board")["rows"]
    assert (row["model"], row["scores"]) == ("<b>toy</b>", {"pass@1": 0.25})


def test_a_run_can_be_looked_into(tmp_path: Path) -> None:
    page, _, _ = build(tmp_path)
    (row,) = page.data("board")["rows"]
    task = page.data(row["run"])["tasks"][0]
    assert (task["id"], task["prompt"]) == ("Toy/0", "Solve Toy/0.")
    assert [sample["status"] for sample in task["samples"]] == ["passed", "failed"]
    assert task["samples"][1]["call"]["expected"] == "[1, 2, 3]"
    assert task["samples"][1]["solution"] == "answer(1)"


@pytest.mark.parametrize("place", ["completion", "solution", "prompt", "explanation"])
def test_hostile_text_of_a_run_makes_no_element(tmp_path: Path, place: str) -> None:
    safe, _, _ = build(tmp_path / "safe")
    page, _, _ = build(tmp_path / "hostile", **{place: HOSTILE})
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in safe.tags]


def test_hostile_text_is_still_there_to_be_read(tmp_path: Path) -> None:
    page, _, _ = build(tmp_path, completion=HOSTILE)
    assert page.data("r0")["tasks"][0]["samples"][0]["completion"] == HOSTILE


def test_a_hostile_name_makes_no_element(tmp_path: Path) -> None:
    write_run(tmp_path / "runs/a", STATUSES, asking(HOSTILE, n=2))
    page, _, _ = build(tmp_path)
    assert not [tag for tag, _ in page.tags if tag == "img"]


def test_the_policy_allows_the_script_and_the_style_of_the_page_alone(tmp_path: Path) -> None:
    page, _, _ = build(tmp_path)
    (policy,) = (a["content"] for t, a in page.tags if "Content-Security-Policy" in a.values())
    assert policy is not None
    for name in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.inside[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_the_page_asks_for_nothing_outside_of_itself(tmp_path: Path) -> None:
    page, text, _ = build(tmp_path)
    links = [a[name] for _, a in page.tags for name in ("src", "href") if name in a]
    assert links == ["data:,"]
    assert not re.findall(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", text)


def test_nothing_in_the_page_has_a_script_or_a_style_in_an_attribute(tmp_path: Path) -> None:
    page, _, _ = build(tmp_path)
    names = {name for _, attributes in page.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]


def test_the_script_never_makes_markup_of_text() -> None:
    scripts = "".join(p.read_text("utf-8") for p in WEB.iterdir() if p.name.endswith(".js"))
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", scripts)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    assert build(tmp_path)[1] == build(tmp_path)[1]


def test_a_text_that_is_too_long_is_cut_and_marked(tmp_path: Path) -> None:
    page, _, _ = build(tmp_path, completion="x" * 10_000)
    sample = page.data("r0")["tasks"][0]["samples"][0]
    assert (len(sample["completion"]), sample["cut"]) == (8_000, True)


def test_a_run_that_is_too_large_keeps_its_verdicts_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "MOST_OF_RUN", 300)
    page, _, told = build(tmp_path, completion="x" * 200)
    run = page.data("r0")
    samples = [sample for task in run["tasks"] for sample in task["samples"]]
    assert ["completion" in sample for sample in samples] == [True, False, False, False]
    assert all(sample["status"] for sample in samples)
    assert run["bare"] == 3
    assert "3 answers are without their texts" in told[0]


def test_what_a_test_found_counts_as_the_text_that_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "MOST_OF_RUN", 2_000)
    monkeypatch.setattr(board_runs, "FAILED_AT", Call("x" * 3_000, "1", "2"))
    page, _, _ = build(tmp_path)
    samples = [sample for task in page.data("r0")["tasks"] for sample in task["samples"]]
    assert "failed" in [sample["status"] for sample in samples]
    assert not any("call" in sample for sample in samples)


def test_a_damaged_run_keeps_its_row_and_cannot_be_looked_into(tmp_path: Path) -> None:
    build(tmp_path)
    (tmp_path / "runs/a/verdicts.jsonl").write_text("{}\n")
    page, _, told = build(tmp_path)
    assert page.data("board")["rows"][0]["run"] == ""
    assert "cannot be looked into" in told[0]


def words(language: str) -> set[str]:
    text = WEB.joinpath("words.js").read_text("utf-8")
    block = re.search(rf"^  {language}: {{(.*?)^  }}", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    return set(re.findall(r'(?:^|, |\s)(\w+): "', block[1]))


def test_both_languages_say_the_same_words() -> None:
    assert words("en") == words("ko")


def test_every_word_that_is_said_is_there_in_both_languages() -> None:
    texts = "".join(p.read_text("utf-8") for p in WEB.iterdir())
    said = {*re.findall(r'say\("(\w+)"', texts), *re.findall(r'data-word="(\w+)"', texts)}
    assert said
    assert said <= words("en")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: text.replace('"answer(0)"', "5"),
        lambda text: text.replace('"stop"', "[]"),
        lambda text: "[" * 100_000,
    ],
    ids=["cut", "empty", "number", "list", "depth"],
)
def test_damaged_completions_keep_a_run_out_of_the_page_and_no_more(
    change: Callable[[str], str], tmp_path: Path
) -> None:
    build(tmp_path)
    path = tmp_path / "runs/a/completions.jsonl"
    path.write_text(change(path.read_text()))
    page, _, told = build(tmp_path)
    assert page.data("board")["rows"][0]["run"] == ""
    assert "cannot be looked into" in told[0]


def test_what_is_no_ordinary_file_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(UsageError, match="no ordinary file"):
            write_page(tmp_path / name, (), Choice())
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_a_link_that_leads_to_itself_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "loop.html").symlink_to("loop.html")
    with pytest.raises(UsageError, match="leads to itself"):
        write_page(tmp_path / "loop.html", (), Choice())


def test_behind_a_link_its_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "link.html").symlink_to(tmp_path / "board.html")
    write_page(tmp_path / "link.html", (), Choice())
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "board.html").read_text("utf-8").startswith("<!DOCTYPE html>")


NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize("name", ["constructor", "toString", "__proto__", "valueOf"])
def test_a_score_may_have_any_name(name: str) -> None:
    row = {
        "model": "m", "benchmark": "toy", "protocol": "p", "origin": "run", "run": "",
        "parameters": None, "precision": "", "type": "unknown", "tokens_per_second": None,
    }  # fmt: skip
    scores = [{name: 0.5}, {"pass@1": 0.25}]
    board = {
        "rows": [{**row, "scores": found, "intervals": {}} for found in scores],
        "columns": ["rank"], "sort": "rank", "version": "1",
    }  # fmt: skip
    parts = (WEB.joinpath(part).read_text("utf-8") for part in ("words.js", "state.js"))
    script = (
        "const document = {getElementById: () => ({textContent: process.argv[1]})};"
        "const location = {hash: ''};" + "".join(parts) + "load();"
        f"const name = {json.dumps(name)};"
        "console.log(JSON.stringify([say(name), ranks(ROWS, name), "
        "sorted(ROWS.map((row) => ({row, rank: null})), name)"
        ".map((one) => name in one.row.scores)]))"
    )
    assert NODE is not None
    out = subprocess.run(
        [NODE, "-e", script, json.dumps(board)], check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(out) == [name, [[1, 1], None], [True, False]]


@pytest.mark.skipif(NODE is None, reason="needs node")
@pytest.mark.parametrize(
    ("rows", "drawn"),
    [
        ([(135, 98), (134, 145)], ["plotspeed", "plotbytes"]),
        ([(135, 98), (1500, 900)], ["plotsize", "plotspeed", "plotbytes"]),
        ([(135, 98), (1500, None)], ["plotsize", "plotspeed"]),
    ],
)
def test_variants_of_one_model_are_drawn_by_their_files(
    rows: list[tuple[int, int | None]], drawn: list[str]
) -> None:
    told = [
        {"rank": None, "row": {"parameters": n, "bytes": size, "scores": {"pass@1": 0.5}}}
        for n, size in rows
    ]
    found = [{"metric": "pass@1", "rows": told}]
    script = (
        "const matchMedia = () => ({}), humanSize = null, humanBytes = null;"
        + WEB.joinpath("plots.js").read_text("utf-8")
        + "console.log(JSON.stringify(kindsOf(JSON.parse(process.argv[1])).map((k) => k.title)))"
    )
    assert NODE is not None
    out = subprocess.run(
        [NODE, "-e", script, json.dumps(found)], check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(out) == drawn
