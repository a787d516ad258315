"""`lathe demo`: the main job on a bundled problem, with the default model."""

from __future__ import annotations

import click

from codelathe.cli.console import NOT_PROVED, Output, output_options
from codelathe.cli.generate import Answering, emit, solve_problem
from codelathe.wiring import DEFAULT_MODEL

PROMPT = """\
Write a Python function merge_intervals(intervals) that takes a list of [start, end] pairs in \
any order and returns a sorted list in which intervals that overlap or touch are merged into one.\
"""
EXAMPLES = (
    ("[[1, 3], [2, 6], [8, 10]]", "[[1, 6], [8, 10]]"),
    ("[[5, 7], [1, 2], [2, 4]]", "[[1, 4], [5, 7]]"),
    ("[]", "[]"),
)


@click.command(short_help="Fetch the default model and solve a bundled problem.")
@output_options
def demo(as_json: bool, quiet: bool) -> int:
    """Solve a bundled problem with a real code model on this machine's CPU.

    The default model (1.1 GB) is fetched once. What is printed is the code, and the proof
    that it ran in isolation and gave the right answers.

    \b
    lathe demo
    """
    from codelathe.core.problem import Problem
    from codelathe.text.examples import parse_examples

    output = Output(as_json, quiet)
    inputs, outputs = zip(*EXAMPLES, strict=True)
    problem = Problem(PROMPT, id="demo", examples=parse_examples(inputs, outputs))
    if not output.json:
        output.say(PROMPT + "\n")
        for given, expected in EXAMPLES:
            output.say(f"  merge_intervals({given}) == {expected}")
        output.say("")
    outcome = solve_problem(problem, Answering(DEFAULT_MODEL), output)
    emit(outcome, output)
    proved = outcome.solution.proof.proved
    if proved and not output.json:
        output.say(
            '\nyour turn: lathe generate "Reverse a string." --input "\'ab\'" --output "\'ba\'"'
        )
    return 0 if proved else NOT_PROVED
