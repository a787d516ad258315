from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codelathe.core.errors import UnknownName
from codelathe.metrics.similarity import Settings, open_metric, summed

pytest.importorskip("tree_sitter", reason="the extra 'metrics' is not installed")

from codelathe.metrics.codetree import GRAMMARS, without_comments

TABLE: dict[str, Any] = json.loads((Path(__file__).parent / "codebleu_table.json").read_text())
PARTS = ("ngram", "keyword", "syntax", "dataflow")
MEAN = '''def mean(values):
    """The mean."""
    total = 0
    for value in values:
        total = total + value  # one by one
    return total / len(values)
'''


def scores(language: str, prediction: str, *references: str) -> Mapping[str, float]:
    metric = open_metric("codebleu", Settings(language))
    (row,) = metric.rows([prediction], [references])
    return metric.scores(row)


def same_grammar(language: str) -> None:
    distribution, _ = GRAMMARS[language]
    if version(distribution) != TABLE["grammars"][language]:
        pytest.skip(f"the table was made with {distribution} {TABLE['grammars'][language]}")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("case", TABLE["pairs"], ids=lambda case: case["language"])
def test_each_part_is_the_programs(case: dict[str, Any], part: str) -> None:
    same_grammar(case["language"])
    found = scores(case["language"], case["prediction"], *case["references"])
    assert found[part] == pytest.approx(case["parts"][part], abs=1e-6)


@pytest.mark.parametrize("case", TABLE["pairs"], ids=lambda case: case["language"])
def test_the_whole_is_the_programs(case: dict[str, Any]) -> None:
    same_grammar(case["language"])
    found = scores(case["language"], case["prediction"], *case["references"])
    assert found["codebleu"] == pytest.approx(case["codebleu"], abs=1e-6)


def test_a_corpus_is_summed_like_the_programs() -> None:
    same_grammar("python")
    cases = [case for case in TABLE["pairs"] if case["language"] == "python"]
    metric = open_metric("codebleu", Settings("python"))
    rows = metric.rows(
        [case["prediction"] for case in cases], [tuple(case["references"]) for case in cases]
    )
    assert metric.scores(summed(list(rows))) == pytest.approx(TABLE["python_corpus"], abs=1e-6)


@pytest.mark.parametrize("language", GRAMMARS)
def test_every_language_has_a_grammar_keywords_and_rules(language: str) -> None:
    source = "total = first + second;"
    assert scores(language, source, source)["codebleu"] == pytest.approx(1.0)


def test_comments_and_docstrings_do_not_count_as_structure() -> None:
    bare = "\n".join(line.partition("  #")[0] for line in MEAN.splitlines() if '"""' not in line)
    found = scores("python", bare, MEAN)
    assert (found["syntax"], found["dataflow"]) == (1.0, 1.0)


def test_other_names_flow_the_same() -> None:
    renamed = re.sub(r"\b(total|value|values)\b", lambda match: f"{match[1]}_2", MEAN)
    assert scores("python", renamed, MEAN)["dataflow"] == 1.0


@settings(deadline=None)
@given(st.permutations(["alpha", "beta", "gamma", "delta"]))
def test_a_merged_value_does_not_depend_on_the_names_it_comes_from(names: list[str]) -> None:
    a, b, c, d = names
    source = f"int {a} = 1; int {b} = 2; int {c} = 3; {d} = {a} + {b} + {c};"
    assert (
        scores("java", source, "int w = 1; int x = 2; int y = 3; z = w + x + y;")["dataflow"] == 1.0
    )


def test_swapped_operands_outside_a_loop_flow_otherwise() -> None:
    found = scores("python", "def f(a, b):\n    return a - b\n", "def f(a, b):\n    return b - a\n")
    assert found["dataflow"] == 1.0
    found = scores("python", "c = a - b\nd = a\n", "c = b - a\nd = a\n")
    assert found["dataflow"] < 1.0


def test_references_without_any_flow_cannot_be_missed() -> None:
    assert scores("python", "x.y", "pass")["dataflow"] == 1.0


def test_a_flow_of_which_nothing_matches_scores_zero() -> None:
    assert scores("python", "pass", MEAN)["dataflow"] == 0.0


@pytest.mark.parametrize("language", GRAMMARS)
@settings(deadline=None, max_examples=30)
@given(source=st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_can_be_scored(language: str, source: str) -> None:
    found = scores(language, source, "a = b + 1")
    assert all(0.0 <= found[part] <= 1.0 for part in PARTS)


def test_half_a_surrogate_can_be_scored() -> None:
    assert scores("python", "x = '\ud800'", "x = 1")["syntax"] < 1.0


def test_an_empty_prediction_scores_no_words() -> None:
    found = scores("python", "", MEAN)
    assert (found["ngram"], found["keyword"]) == (0.0, 0.0)


def test_very_deep_code_is_scored_without_its_flow() -> None:
    deep = "x = " + " + ".join(["y"] * 3000)
    assert scores("python", deep, deep)["dataflow"] == 1.0


def test_a_language_without_a_grammar_is_refused() -> None:
    with pytest.raises(UnknownName):
        open_metric("codebleu", Settings("sql"))


def test_the_signature_tells_the_grammar() -> None:
    signature = open_metric("codebleu", Settings("go")).signature
    assert f"tree-sitter-go-{version('tree-sitter-go')}" in signature


@pytest.mark.parametrize(
    ("language", "source", "bare"),
    [
        ("python", "x = 1  # one\n\n\ny = '# two'\n", "x = 1  \ny = '# two'"),
        ("python", 'def f():\n    """Doc."""\n    return 1\n', "def f():\n    return 1"),
        ("python", "x = (", "x = ("),
        (
            "java",
            'int x = 1; // one\n\nString s = "// two"; /* three */',
            'int x = 1;  \nString s = "// two";  ',
        ),
        ("ruby", "x = 1 # one", "x = 1 # one"),
    ],
)
def test_comments_are_taken_out(language: str, source: str, bare: str) -> None:
    assert without_comments(source, language) == bare
