"""`lathe generate`: a prompt and examples in, code and its proof out."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codelathe.cli.console import NOT_PROVED, Output, output_options
from codelathe.cli.files import STANDARD_INPUT, read_text
from codelathe.cli.options import PATH, engine_option, model_option
from codelathe.core.errors import UsageError
from codelathe.core.language import parse_language

if TYPE_CHECKING:
    from codelathe.core.problem import Problem
    from codelathe.synthesis.solve import Effort, Outcome


@dataclass(frozen=True, slots=True)
class Answering:
    """Who answers, and how much is tried."""

    model: str
    engine: str = "auto"
    samples: int = 8
    max_tokens: int = 512
    temperature: float = 0.8
    seed: int = 0


@click.command(short_help="Write code for a prompt and prove it against examples.")
@click.argument("prompt")
@click.option(
    "--input", "inputs", multiple=True, metavar="LIT",
    help="Arguments of one call, as Python literals: \"'hello'\" or \"[1, 2], k=3\".",
)  # fmt: skip
@click.option(
    "--output", "outputs", multiple=True, metavar="LIT",
    help="The value that call must return, as a Python literal.",
)  # fmt: skip
@click.option(
    "--examples", type=PATH, metavar="FILE",
    help='JSON or JSON Lines of {"input": ..., "output": ...}; - reads standard input.',
)  # fmt: skip
@click.option(
    "--stdin-program", is_flag=True,
    help="Write a whole program: inputs are its standard input, outputs what it prints.",
)  # fmt: skip
@click.option("--language", default="python", show_default=True, help="Programming language.")
@model_option
@engine_option
@click.option(
    "-n", "samples", default=8, show_default=True, type=click.IntRange(0, 256),
    help="Candidates to sample where the first, greedy one is not proved.",
)  # fmt: skip
@click.option("--max-tokens", default=512, show_default=True, help="Longest answer, in tokens.")
@click.option(
    "--temperature", default=0.8, show_default=True, help="Temperature of the sampled candidates."
)
@click.option("--seed", default=0, show_default=True, help="Seed of the sampled candidates.")
@output_options
def generate(
    prompt: str,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    examples: Path | None,
    stdin_program: bool,
    language: str,
    as_json: bool,
    quiet: bool,
    **answering: object,
) -> int:
    """Write code for PROMPT, run it in isolation against the examples, and show the proof.

    Exit code 0: done, and proved where there were examples; 3: not proved, or no code.
    A PROMPT of "-" is read from standard input. Doctests in the prompt count as examples.

    \b
    lathe generate "Write a Python function to reverse a string." \\
        --input "'hello'" --output "'olleh'"
    lathe generate "두 수의 최대공약수를 구하는 함수를 작성하세요." --input "12, 18" --output 6
    lathe generate "Sum the integers on standard input." --stdin-program \\
        --input "1 2 3" --output "6"
    lathe generate "Is it a palindrome?" --examples cases.jsonl --json
    """
    output = Output(as_json, quiet)
    problem = _problem(prompt, inputs, outputs, examples, language, program=stdin_program)
    outcome = solve_problem(problem, Answering(**answering), output)  # type: ignore[arg-type]
    emit(outcome, output)
    solution = outcome.solution
    given = bool(solution.case.candidate.code.strip())
    enough = solution.proof.proved or (given and not outcome.problem.examples)
    return 0 if enough else NOT_PROVED


def _problem(
    prompt: str,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    examples: Path | None,
    language: str,
    *,
    program: bool,
) -> Problem:
    from codelathe.core.problem import Problem
    from codelathe.text.examples import load_examples_file, parse_examples

    if prompt == "-":
        if examples == STANDARD_INPUT:
            raise UsageError("the prompt and --examples cannot both be read from standard input")
        prompt = read_text(STANDARD_INPUT)
    found = parse_examples(inputs, outputs, program=program)
    if examples is not None:
        found += load_examples_file(read_text(examples), program=program)
    return Problem(
        prompt=prompt, language=parse_language(language).key, program=program, examples=found
    )


def emit(outcome: Outcome, output: Output) -> None:
    """The outcome as the fixed JSON document, or as code and proof for a person."""
    if output.json:
        from codelathe.synthesis.report import outcome_document

        output.document(outcome_document(outcome))
    else:
        from codelathe.cli.show import show_outcome

        show_outcome(outcome, output)


def solve_problem(problem: Problem, answering: Answering, output: Output) -> Outcome:
    """Check everything that can be checked, then open judge and engine, and solve."""
    from codelathe.cli.progress import fetching
    from codelathe.cli.show import watching
    from codelathe.synthesis.solve import Effort, prepare, solve
    from codelathe.wiring import open_engine, open_judge

    problem = prepare(problem)
    effort = Effort(
        samples=answering.samples,
        max_tokens=answering.max_tokens,
        temperature=answering.temperature,
        seed=answering.seed,
    )
    _check(effort)
    with ExitStack() as stack:
        judge = stack.enter_context(closing(open_judge()))
        with fetching(output) as progress:
            engine = stack.enter_context(
                closing(open_engine(answering.model, answering.engine, progress))
            )
        listener = stack.enter_context(watching(output, problem.language))
        return solve(problem, engine, judge, effort, listener)


def _check(effort: Effort) -> None:
    """All faults of sampling options before a model is loaded."""
    from codelathe.core.generation import Sampling

    Sampling(effort.max_tokens, effort.temperature, effort.top_p, effort.seed)
