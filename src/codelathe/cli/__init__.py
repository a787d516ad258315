"""The command line: one file a verb, each light until it runs.

`lathe --help` imports no third party but click. A verb imports what it needs inside
its function, through `codelathe.wiring`.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

import click

from codelathe import __version__
from codelathe.cli.console import open_streams, report_error
from codelathe.core.errors import LatheError, UsageError, answer
from codelathe.core.registry import Registry

INTERRUPTED = 130

VERBS = Registry(
    "verb",
    {
        "generate": "codelathe.cli.generate:generate",
        "explain": "codelathe.cli.explain:explain",
        "evaluate": "codelathe.cli.evaluate:evaluate",
        "evaluate similarity": "codelathe.cli.similarity:similarity",
        "judge": "codelathe.cli.judge:judge",
        "compare": "codelathe.cli.compare:compare",
        "board": "codelathe.cli.board:board",
        "models": "codelathe.cli.models:models",
        "data build": "codelathe.cli.data_build:data_build",
        "data check": "codelathe.cli.data_check:data_check",
        "data show": "codelathe.cli.data_show:data_show",
        "tune": "codelathe.cli.tune:tune",
        "tune gate": "codelathe.cli.tune_gate:tune_gate",
        "compress quantize": "codelathe.cli.compress_quantize:compress_quantize",
        "compress prune": "codelathe.cli.compress_prune:compress_prune",
        "compress sweep": "codelathe.cli.compress_sweep:compress_sweep",
        "export merge": "codelathe.cli.export_merge:export_merge",
        "export gguf": "codelathe.cli.export_gguf:export_gguf",
        "export push": "codelathe.cli.export_push:export_push",
        "serve": "codelathe.cli.serve:serve",
        "doctor": "codelathe.cli.doctor:doctor",
        "demo": "codelathe.cli.demo:demo",
    },
)


class VerbGroup(click.Group):
    """Looks verbs up in `VERBS` and imports them only when they are named.

    A verb may have a form of its own behind a second word, `evaluate similarity`.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """The verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb's command.

        Raises:
            UnknownName: no such verb; the hint has the nearest ones.
        """
        if cmd_name not in VERBS and any(_FormGroup.forms(cmd_name)):
            return _FormGroup(cmd_name)
        command: click.Command = VERBS.load(cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that the arguments begin with, and those that are left for it."""
        words = " ".join(args[:2])
        return super().resolve_command(ctx, [words, *args[2:]] if words in VERBS else args)


class _FormGroup(click.Group):
    """A word that is no verb by itself, with its forms: `data` with `build`, `check`, `show`."""

    def __init__(self, word: str) -> None:
        super().__init__(
            word, help=f"One of: {', '.join(f'lathe {word} {form}' for form in self.forms(word))}."
        )
        self._word = word

    @staticmethod
    def forms(word: str) -> list[str]:
        """The second words of the verbs that begin with `word`."""
        return [verb.removeprefix(f"{word} ") for verb in VERBS if verb.startswith(f"{word} ")]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The forms in the order of the table."""
        return self.forms(self._word)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The form's command.

        Raises:
            UnknownName: no such form; the hint has the nearest ones.
        """
        command: click.Command = VERBS.load(f"{self._word} {cmd_name}")
        return command


@click.group(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lathe")
def lathe() -> None:
    """A workbench for code language models whose every claim is proved by running code.

    \b
    Try:  lathe demo
          lathe generate "Reverse a string." --input "'hello'" --output "'olleh'"
    """


def main(args: list[str] | None = None) -> None:
    """Run `lathe` and exit: 0 done, 1 failed, 2 wrong use, 3 not proved, 130 interrupted."""
    signal.signal(signal.SIGTERM, _interrupt)
    open_streams()
    code = 1

    def leave() -> None:
        """A thread that is inside a library when Python ends makes the library abort."""
        if any(thread.daemon for thread in threading.enumerate()):
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError):
                    stream.flush()
            os._exit(code)

    atexit.register(leave)  # the first to be registered is the last to be called
    code = run(sys.argv[1:] if args is None else args)
    sys.exit(code)


def run(args: list[str]) -> int:
    """Run `lathe` with `args` and return its exit code."""
    # Of several processes that share a tuning the first one answers.
    as_json = "--json" in args and os.environ.get("RANK", "0") == "0"
    try:
        outcome: Any = lathe.main(args, prog_name="lathe", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        return 1  # the reader went away (`lathe ... | head`): nothing is left to say
    except Exception as error:  # the outermost handler: a user never sees a trace
        if os.environ.get("CODELATHE_DEBUG"):
            raise
        known = _told(error)
        report_error(known, as_json=as_json)
        return answer(known)[0]
    return outcome if isinstance(outcome, int) else 0


def _told(error: Exception) -> LatheError:
    """`error` as one of ours: a wrong option, or a fault of the program."""
    if isinstance(error, LatheError):
        return error
    if isinstance(error, click.ClickException):
        context = error.ctx if isinstance(error, click.UsageError) else None
        path = context.command_path if context else "lathe"
        return UsageError(error.format_message(), hint=f"{path} --help")
    return LatheError(
        f"unexpected {type(error).__name__}: {error}",
        hint="run it again with CODELATHE_DEBUG=1 and report what it prints",
    )


def _interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    """SIGTERM ends a run the way Ctrl-C does: what was finished is kept."""
    raise KeyboardInterrupt
