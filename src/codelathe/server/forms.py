"""The bodies that the service takes. A field that is not known is refused, not ignored."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from codelathe.core.language import parse_language
from codelathe.core.problem import Problem

MAX_TOKENS = 32_768
MAX_SAMPLES = 64
MAX_EXAMPLES = 1000


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    model: Annotated[
        str, Field(description="The backend's model; its default where empty.", max_length=200)
    ] = ""
    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS, description="Longest answer.")] = 512


class GenerateForm(_Form):
    """Code for a prompt, proved against examples written as Python literals."""

    prompt: str
    example_inputs: Annotated[list[str], Field(max_length=MAX_EXAMPLES)] = []
    example_outputs: Annotated[list[str], Field(max_length=MAX_EXAMPLES)] = []
    language: str = "Python"
    n: Annotated[
        int,
        Field(ge=0, le=MAX_SAMPLES, description="Candidates to sample after the greedy one."),
    ] = 8
    temperature: Annotated[float, Field(ge=0, le=2, strict=False, allow_inf_nan=False)] = 0.8
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0

    #: The fields by the names that the core's errors have for them.
    FIELDS: ClassVar[dict[str, str]] = {"input": "example_inputs", "output": "example_outputs"}

    def problem(self) -> Problem:
        """The problem that is asked.

        Raises:
            InputError: an example does not parse, or the language is unknown.
        """
        from codelathe.text.examples import parse_examples

        return Problem(
            prompt=self.prompt,
            language=parse_language(self.language).key,
            examples=parse_examples(self.example_inputs, self.example_outputs),
        )


class ExplainForm(_Form):
    """An explanation of code."""

    code: str
    language: str = "Python"
    detail: Literal["summary", "lines", "docstring"] = "summary"
    to: Literal["en", "ko"] = "en"
