"""`lathe explain`: a file in, plain words or docstrings out."""

from __future__ import annotations

import io
import os
import tempfile
import tokenize
from codecs import BOM_UTF8
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codelathe.cli.console import Output, output_options, printable
from codelathe.cli.files import STANDARD_INPUT, read_text
from codelathe.cli.options import engine_option, model_option
from codelathe.core.errors import LatheError, ProblemError, UnknownName, UsageError
from codelathe.core.language import parse_language

if TYPE_CHECKING:
    from codelathe.synthesis.explain import Explanation, Question
    from codelathe.text.explaining import Detail, Tongue

_SUFFIXES = {".pyi": "python", ".pyw": "python", ".mjs": "javascript", ".jsx": "javascript",
             ".tsx": "typescript", ".h": "c", ".hpp": "cpp"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A text file as it was read, with what is needed to write it back alike."""

    path: Path
    text: str
    data: bytes = b""
    encoding: str = "utf-8"

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if self.path == STANDARD_INPUT else str(self.path)


@click.command(short_help="Explain code, or write its docstrings.")
@click.argument("target", metavar="FILE[:LINES]")
@click.option(
    "--detail", default="summary", show_default=True,
    type=click.Choice(["summary", "lines", "docstring"]),
    help="A summary, part by part with line numbers, or a docstring for each that lacks one.",
)  # fmt: skip
@click.option(
    "--to", default="en", show_default=True, type=click.Choice(["en", "ko"]),
    help="The language of the explanation: English or Korean.",
)  # fmt: skip
@click.option("--write", is_flag=True, help="With --detail docstring: put them into FILE.")
@click.option("--language", help="Programming language; by default the file's suffix tells it.")
@model_option
@engine_option
@output_options
def explain(
    target: str,
    detail: Detail,
    to: Tongue,
    write: bool,
    language: str | None,
    model: str,
    engine: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Explain the code in FILE, or only its LINES ("10" or "10-20"). "-" is standard input.

    Docstrings are written for the functions and classes that have none, or for those that
    begin in LINES. --write changes nothing but docstrings: the syntax tree stays the same.

    \b
    lathe explain app.py
    lathe explain app.py:10-40 --detail lines --to ko
    lathe explain app.py --detail docstring --write
    cat app.go | lathe explain - --language go
    """
    from codelathe.text.explaining import Question, asks
    from codelathe.text.passages import parse_selection

    output = Output(as_json, quiet)
    # A file may itself be called "notes:12".
    path, lines = (target, None) if Path(target).exists() else parse_selection(target)
    _check_write(write, detail, path)
    source = read_source(Path(path))
    question = Question(
        source.text,
        detail,
        to,
        _language(source.path, language),
        lines,
        source.name,
    )
    nothing_to_do = not asks(question)  # refuses what cannot be explained before a model loads
    explanation = (
        _nothing(question, model) if nothing_to_do else _ask(question, model, engine, output)
    )
    written = None
    if write and explanation.docstrings:
        try:
            written = _write(source, explanation)
        except LatheError:
            if not output.json:  # what took minutes to write is not lost with the file
                _show(explanation, source, None, output)
            raise
    _show(explanation, source, written, output)


def read_source(path: Path) -> Source:
    """The text of `path` or of standard input; Python's own coding cookie is obeyed.

    Raises:
        ProblemError: it cannot be read, or is not text in its encoding.
    """
    if path == STANDARD_INPUT:
        return Source(path, read_text(path))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProblemError(f"cannot read {path}: {error.strerror}") from None
    encoding = "utf-8"
    if path.suffix in (".py", ".pyw", ".pyi"):
        with suppress(SyntaxError):  # an unknown cookie: UTF-8 is tried
            encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    plain = data.removeprefix(BOM_UTF8)
    try:
        text = plain.decode("utf-8" if encoding == "utf-8-sig" else encoding)
    except UnicodeDecodeError as error:
        at = error.start
        raise ProblemError(
            f"{path} is not {encoding} text: byte 0x{plain[at]:02x} at {at}",
            hint="save it as UTF-8, for example: iconv -f EUC-KR -t UTF-8",
        ) from None
    return Source(path, text, data, "utf-8" if encoding == "utf-8-sig" else encoding)


def write_source(source: Source, text: str) -> None:
    """Replace the file by `text`: wholly or not at all, in its encoding, with its mode.

    Raises:
        ProblemError: the encoding lacks a character, or the file was changed meanwhile.
        LatheError: the disk is full, or its folder cannot be written.
    """
    try:
        data = text.encode(source.encoding)
    except UnicodeEncodeError as error:
        raise ProblemError(
            f"{source.name} is kept in {source.encoding}, which has no {text[error.start]!r}",
            hint="save it as UTF-8 first, or leave --to ko out",
        ) from None
    if source.data.startswith(BOM_UTF8):
        data = BOM_UTF8 + data
    target = source.path.resolve()
    try:
        if target.read_bytes() != source.data:
            raise ProblemError(
                f"{source.name} was changed while it was being explained; it is left alone",
                hint="run the same command again",
            )
        _replace(target, data)
    except OSError as error:
        raise LatheError(
            f"cannot write {source.name}, and it is as it was: {error.strerror}",
            hint="make room, or make its folder writable, and run it again",
        ) from None


def _replace(target: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _check_write(write: bool, detail: str, path: str) -> None:
    if write and detail != "docstring":
        raise UsageError(
            f"--write puts docstrings in place, and --detail is {detail}",
            hint="add --detail docstring, or leave --write out",
            field="write",
        )
    if write and Path(path) == STANDARD_INPUT:
        raise UsageError(
            "--write needs a file, and the code comes from standard input", field="write"
        )


def _language(path: Path, named: str | None) -> str:
    """The key of the language; `text` where neither option nor suffix tells it."""
    if named is not None:
        return parse_language(named).key
    if path == STANDARD_INPUT:
        return "python"
    if path.suffix in _SUFFIXES:
        return _SUFFIXES[path.suffix]
    try:
        return parse_language(path.suffix.removeprefix(".")).key
    except UnknownName:
        return "text"


def _nothing(question: Question, model: str) -> Explanation:
    from codelathe.synthesis.explain import Explanation

    return Explanation(question, model, "", (), (), (), 0.0)


def _ask(question: Question, model: str, engine: str, output: Output) -> Explanation:
    from codelathe.cli.progress import fetching
    from codelathe.synthesis.explain import explain as ask
    from codelathe.wiring import open_engine

    with fetching(output) as progress:
        opened = open_engine(model, engine, progress)
    stream = _Stream()
    with closing(opened):
        explanation = ask(question, opened, stream.write if output.live else None)
    if output.live:
        stream.end(explanation.text)
    return explanation


@dataclass(slots=True)
class _Stream:
    """Text that is printed as it grows. What was printed once is not taken back."""

    printed: str = ""

    def write(self, text: str) -> None:
        text = text.rstrip()
        if text.startswith(self.printed):
            click.echo(printable(text[len(self.printed) :]), nl=False)
            self.printed = text

    def end(self, text: str) -> None:
        self.write(text)
        if self.printed:
            click.echo()


def _write(source: Source, explanation: Explanation) -> str:
    """Put the docstrings into the file; what was done, in one line."""
    from codelathe.text.docstrings import write_docstrings
    from codelathe.text.passages import split_lines

    text = write_docstrings(source.text, explanation.docstrings)
    write_source(source, text)
    count = len(explanation.docstrings)
    more = len(split_lines(text)) - len(split_lines(source.text))
    lines = f"{more:+d} line{'s' * (abs(more) != 1)}"
    return f"{count} docstring{'s' * (count != 1)} written to {source.name} ({lines})"


def _show(explanation: Explanation, source: Source, written: str | None, output: Output) -> None:
    from codelathe.synthesis.explain import explanation_document

    if output.json:
        document: dict[str, Any] = {
            "file": str(source.path),
            **explanation_document(explanation),
            "written": written is not None,
        }
        output.document(document)
        return
    if not output.live and explanation.text and written is None:
        click.echo(printable(explanation.text))
    if not explanation.completions:
        output.say(f"{source.name} has no function or class without a docstring")
    if written is not None:
        for docstring in explanation.docstrings:
            output.say(f"  {docstring.line}: {docstring.name}")
        output.say(written)
