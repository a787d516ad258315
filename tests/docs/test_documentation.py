"""What the pages say can be typed, is there; what is there, is documented."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

import codelathe
from codelathe.cli import lathe
from codelathe.engines.scripted import ScriptedEngine

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
SORT = "```python\ndef sort(xs):\n    return sorted(xs)\n```"


def blocks(page: Path, *tags: str) -> list[str]:
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [code for tag, code in found if tag in tags]


def commands(page: Path) -> list[str]:
    """The `lathe` commands of a page's blocks, as a shell would get them."""
    found = []
    for block in blocks(page, "", "console", "sh"):
        joined = re.sub(r"\\\n\s*", "", block)
        found += re.findall(r"^(?:\$ )?(?:cat \S+ \| )?(lathe .*)$", joined, re.MULTILINE)
    return [c for c in found if "..." not in c and "[" not in re.sub(r"\".*?\"", "", c)]


def snippets() -> list[Any]:
    return [
        pytest.param(code, id=f"{page.name}-{number}")
        for page in PAGES
        for number, code in enumerate(blocks(page, "python"))
        if "import codelathe" in code or "from codelathe" in code
    ]


def test_the_api_page_lists_the_public_names() -> None:
    page = (ROOT / "docs/reference/api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^## (\w+)$", page, re.MULTILINE))
    assert listed == set(codelathe.__all__) - {"__version__"}


@pytest.mark.parametrize("name", codelathe.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(codelathe, name) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_of_codelathe_in_a_page_is_public(page: Path) -> None:
    code = "\n".join(blocks(page, "python"))
    assert set(re.findall(r"\bcodelathe\.([a-zA-Z_]+)\(", code)) <= set(codelathe.__all__)


@pytest.mark.parametrize(
    "command", [pytest.param(c, id=f"{p.name}: {c}") for p in PAGES for c in commands(p)]
)
def test_every_command_in_a_page_is_taken_by_the_command_line(command: str) -> None:
    words = shlex.split(command, comments=True)[1:]
    words = words[: words.index(">")] if ">" in words else words
    verb: click.Command = lathe
    while isinstance(verb, click.Group):
        context = verb.make_context("lathe", words)
        _, found, words = verb.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None
        verb = found
    verb.make_context("lathe", words)


@pytest.mark.parametrize("code", snippets())
def test_every_python_snippet_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "Store()" in code:
        pytest.skip("it fetches a model")
    monkeypatch.setattr(codelathe, "open_engine", lambda: ScriptedEngine([SORT] * 9))
    exec(compile(code, "<page>", "exec"), {"__name__": "__main__"})


def test_the_snippet_of_the_readme_proves_its_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(codelathe, "open_engine", lambda: ScriptedEngine([SORT]))
    for page in ("README.md", "README.ko.md"):
        (code,) = blocks(ROOT / page, "python")
        exec(compile(code, page, "exec"), {"__name__": "__main__"})
        assert capsys.readouterr().out.startswith("True def sort(xs)")
