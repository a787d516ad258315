"""The bodies that the service takes. A field that is not known is refused, not ignored."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from codelathe.core.language import parse_language
from codelathe.core.problem import Problem

if TYPE_CHECKING:
    from codelathe.text.explaining import Question

MAX_TOKENS = 32_768
MAX_SAMPLES = 64
MAX_EXAMPLES = 1000


class Form(BaseModel):
    """What every body has. `asked` is what it asks, in the core's own terms."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: Annotated[
        str, Field(description="The backend's model; its default where empty.", max_length=200)
    ] = ""

    #: Fields by the names that the core's errors have for them, where these differ.
    FIELDS: ClassVar[dict[str, str]] = {}

    @abstractmethod
    def asked(self) -> Any:
        """What the body asks.

        Raises:
            InputError: a field cannot be used.
        """


class GenerateForm(Form):
    """Code for a prompt, proved against examples written as Python literals."""

    prompt: str
    example_inputs: Annotated[list[str], Field(max_length=MAX_EXAMPLES)] = []
    example_outputs: Annotated[list[str], Field(max_length=MAX_EXAMPLES)] = []
    language: str = "Python"
    max_tokens: Annotated[int, Field(ge=1, le=MAX_TOKENS, description="Longest answer.")] = 512
    n: Annotated[
        int,
        Field(ge=0, le=MAX_SAMPLES, description="Candidates to sample after the greedy one."),
    ] = 8
    temperature: Annotated[float, Field(ge=0, le=2, strict=False, allow_inf_nan=False)] = 0.8
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0

    FIELDS: ClassVar[dict[str, str]] = {"input": "example_inputs", "output": "example_outputs"}

    def asked(self) -> Problem:
        """The problem, with the doctests of its prompt.

        Raises:
            InputError: the prompt is empty, an example does not parse, the language is unknown.
        """
        from codelathe.synthesis.solve import prepare
        from codelathe.text.examples import parse_examples

        problem = Problem(
            prompt=self.prompt,
            language=parse_language(self.language).key,
            examples=parse_examples(self.example_inputs, self.example_outputs),
        )
        return prepare(problem)


class ExplainForm(Form):
    """An explanation of code, in English or Korean."""

    code: str
    language: str = "Python"
    detail: Literal["summary", "lines", "docstring"] = "summary"
    to: Literal["en", "ko"] = "en"

    def asked(self) -> Question:
        """The question.

        Raises:
            InputError: the language is unknown.
        """
        from codelathe.text.explaining import Question

        return Question(self.code, self.detail, self.to, parse_language(self.language).key)
