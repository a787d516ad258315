"""numpy for candidates, and its values as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codelathe.core.judging import Candidate, Case, Limits, Status, Verdict
from codelathe.core.problem import CallExample, Suite
from codelathe.judge import SandboxJudge, codec

numpy = pytest.importorskip("numpy")
PATIENT = Limits(seconds=20.0)


@pytest.fixture(scope="module", params=["A", "B"])
def judge(request: pytest.FixtureRequest) -> Iterator[SandboxJudge]:
    from codelathe.core.errors import IsolationError

    with SandboxJudge(slots=1, tier=request.param) as judge:
        try:
            judge.isolation  # noqa: B018 -- reading it finds out
        except IsolationError as error:
            pytest.skip(error.message)
        yield judge


def run(judge: SandboxJudge, code: str, value: Any = True, limits: Limits = PATIENT) -> Verdict:
    test = CallExample("", repr(value), (), value)
    ((verdict,),) = judge.judge([Case(Candidate(code, entry_point="f"), (test,), limits)])
    return verdict


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("import numpy as np\ndef f():\n    return np.arange(3).sum()", 3),
        ("import numpy as np\ndef f():\n    return np.float64(0.5)", 0.5),
        ("import numpy as np\ndef f():\n    return [np.int8(-1), np.bool_(True)]", [-1, True]),
        ("import numpy as np\ndef f():\n    return np.str_('a')", "a"),
        ("import numpy as np\ndef f():\n    return np.eye(2).tolist()", [[1, 0], [0, 1]]),
        ("import numpy as np\ndef f():\n    return np.linalg.det(np.eye(9)) == 1", True),
        ("import numpy.polynomial as p\ndef f():\n    return p.Polynomial([1])(2) == 1", True),
        ("from numpy import ma\ndef f():\n    return ma.array([1, 2]).sum()", 3),
        ("import numpy as np\ndef f():\n    return np.random.default_rng(0).random() < 1", True),
        ("import numpy as np\ndef f():\n    return np.array(['ab'])", numpy.array("ab")),
        ("import numpy as np, os\ndef f():\n    return dict(os.environ)", {}),
    ],
)
def test_code_that_names_numpy_finds_it(judge: SandboxJudge, code: str, value: Any) -> None:
    verdict = run(judge, code, value)
    assert verdict.status is Status.PASSED, verdict


@pytest.mark.parametrize(
    "code",
    [
        "import numpy, pytest\nf = bool",
        "import numpy\nimport hypothesis\nf = bool",
        "__import__('num' + 'py')\nf = bool",
    ],
)
def test_other_packages_stay_hidden(judge: SandboxJudge, code: str) -> None:
    assert run(judge, code).status is Status.ERROR


def test_numpy_is_read_only_and_alone(judge: SandboxJudge) -> None:
    code = """
import numpy, os
def f():
    folder = os.path.dirname(os.path.dirname(numpy.__file__))
    try:
        names = os.listdir(folder)
    except PermissionError:
        names = []
    try:
        open(numpy.__file__, "a")
        return "written"
    except OSError:
        return sorted(set(names) - {"numpy", "numpy.libs"})
"""
    assert run(judge, code, []).status is Status.PASSED


def test_memory_is_limited_beside_what_numpy_takes(judge: SandboxJudge) -> None:
    code = "import numpy\ndef f():\n    return len(numpy.zeros({} << 17).tobytes()) > 0"
    limits = Limits(seconds=20.0, memory_mb=512)
    assert run(judge, code.format(100), True, limits).status is Status.PASSED
    assert run(judge, code.format(400), True, limits).status is Status.MEMORY


def test_plain_code_and_numpy_code_take_turns(judge: SandboxJudge) -> None:
    plain, numeric = "def f():\n    return 1", "import numpy\ndef f():\n    return numpy.int8(1)"
    cases = [
        Case(Candidate(code, entry_point="f"), (CallExample("", "1", (), 1),), PATIENT)
        for code in [plain, numeric] * 5
    ]
    assert {v.status for (v,) in judge.judge(cases)} == {Status.PASSED}


def test_a_test_may_use_numpy(judge: SandboxJudge) -> None:
    source = "import numpy as np\nx = np.zeros(3)\nassert np.allclose(f(x), 1) and x[0] == 5"
    code = "def f(x):\n    y = x + 1\n    x[0] = 5\n    return y"
    case = Case(Candidate(code, entry_point="f"), (Suite(source),), PATIENT)
    ((verdict,),) = judge.judge([case])
    assert verdict.status is Status.PASSED, verdict


NUMBERS = ("?", "i1", "<i2", ">i4", "<i8", "u1", "<u8", "<f2", "<f4", ">f8", "<c8", "<c16", "g")


@given(st.sampled_from(NUMBERS), st.lists(st.integers(0, 3), max_size=3), st.data())
def test_arrays_come_back_as_they_were(dtype: str, shape: list[int], data: st.DataObject) -> None:
    size = int(numpy.prod(shape))
    items = data.draw(st.lists(st.integers(0, 100), min_size=size, max_size=size))
    array = numpy.array(items, dtype=dtype).reshape(shape)
    back = codec.decode(codec.loads(codec.dumps(codec.encode(array))))
    assert type(back) is numpy.ndarray
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(st.lists(st.text(st.characters(exclude_characters="\0"), max_size=5), min_size=1))
def test_arrays_of_text_come_back_as_they_were(texts: list[str]) -> None:
    array = numpy.array(texts)
    back = codec.decode(codec.loads(codec.dumps(codec.encode(array))))
    assert back.tolist() == array.tolist()


@given(st.floats(), st.sampled_from(["float64", "float32", "complex128", "longdouble"]))
def test_numbers_come_back_with_their_type(number: float, name: str) -> None:
    with numpy.errstate(all="ignore"):
        value = getattr(numpy, name)(number)
    back = codec.decode(codec.loads(codec.dumps(codec.encode(value))))
    assert type(back) is type(value)
    assert repr(back) == repr(value)


@pytest.mark.parametrize(
    "value",
    [
        numpy.array([object()]),
        numpy.array(["2020-01-01"], "M8[D]"),
        numpy.zeros(1, dtype=[("a", "i4")]),
        numpy.ma.array([1]),
        numpy.random.default_rng(),
    ],
)
def test_what_is_no_number_or_text_is_no_data(value: Any) -> None:
    assert isinstance(codec.decode(codec.encode(value)), codec.Opaque)


def test_an_array_over_the_limit_is_too_large() -> None:
    with pytest.raises(codec.TooLarge):
        codec.encode(numpy.zeros(1 << 20), 1 << 20)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=9,
)
DTYPES = st.sampled_from(["<i4", "|b1", "<U3", "|S2", "|O8", "<M8", "<f3", "<U0", "|V4", "", "<i9"])


@given(st.sampled_from("nN"), DTYPES | JSON, JSON, st.binary(max_size=24).map(bytes.hex) | JSON)
def test_any_array_is_decoded_or_refused(tag: str, dtype: Any, shape: Any, data: Any) -> None:
    for tree in ([tag, dtype, shape, data], [tag, dtype, data]):
        try:
            repr(codec.decode(tree))
        except codec.CodecError:
            continue


def test_a_truth_value_has_no_odd_bits() -> None:
    assert codec.decode(["N", "|b1", [2], "0207"]).tobytes() == b"\1\1"
