"""Candidates in compiled languages and JavaScript: from code to verdicts, in a process slot.

Two kinds of examples. A program with standard input is compared outside, exactly as
Python's. A benchmark's own test runs with the candidate, in one process: it passed when that
process ended well and printed the nonce that only the test's last statement copies from
standard input. So a candidate that knows this can forge it, which a signature must say; an
exit code alone is never a pass. `docs/languages.md` tells what is promised.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import replace

from codelathe.core.errors import LanguageError
from codelathe.core.judging import Case, Limits, Status, Verdict
from codelathe.core.problem import CallExample, Example, StdioExample, Suite
from codelathe.judge import archive, artefacts, compare
from codelathe.judge.exchange import STARVED
from codelathe.judge.process import Done, ProcessSlot
from codelathe.judge.slot import Sandbox, SlotLost, nonce
from codelathe.judge.toolchains.base import PROGRAM, Build, Kit, Toolchain

_MIB = 1 << 20
_BUILD_SECONDS = 60.0
_KIT_SECONDS = 600.0
_BUILD_LIMITS = {"DATA": 2048 * _MIB, "FSIZE": 128 * _MIB}
_KIT_LIMITS = {"DATA": 4096 * _MIB, "FSIZE": 240 * _MIB}
_STATUS_OF = {
    signal.SIGXCPU: (Status.TIMEOUT, "used up its processor time"),
    signal.SIGXFSZ: (Status.OUTPUT, "wrote more than the limit"),
    signal.SIGKILL: (Status.MEMORY, "killed by the kernel; most likely out of memory"),
}
_LINE = 300


class _Ended(Exception):
    """There will be no program to run: the verdict's status, and why."""

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail


class ProgramRunner:
    """Runs one case in one slot. `abort` may be called from another thread.

    `lacking` says what the machine lacks for the language; then nothing is judged.
    """

    def __init__(self, slot: Sandbox, lacking: LanguageError | None = None) -> None:
        self._slot = slot
        self._lacking = lacking
        self._aborted = False
        self._built: dict[str, bytes | _Ended] = {}
        self._kits: dict[bool, str | _Ended] = {}

    def abort(self) -> None:
        """End the case early; `run` then returns whatever it has."""
        self._aborted = True
        if isinstance(self._slot, ProcessSlot):
            self._slot.recall()

    def run(self, case: Case) -> tuple[Verdict, ...]:
        """One verdict for each example, in order.

        Raises:
            LanguageError: an example calls a function.
            SlotLost: the foreman is gone.
        """
        language = case.candidate.language
        if any(isinstance(e, CallExample) for e in case.examples):
            raise LanguageError(
                f"examples that call a function are judged in Python alone, not in {language}",
                hint="ask for a whole program: --stdin-program, with standard input and output",
                field="language",
            )
        if self._lacking is not None:
            detail = f"{self._lacking.message}; {self._lacking.hint}"
            return tuple(_verdict(e, Status.UNJUDGED, detail) for e in case.examples)
        return tuple(self._decide(case, example) for example in case.examples)

    def _decide(self, case: Case, example: Example | Suite) -> Verdict:
        assert not isinstance(example, CallExample)
        if self._aborted:
            return _verdict(example, Status.UNJUDGED, "interrupted")
        try:
            build = self._plan(case.candidate.code, example)
            files = self._program(build)
            verdict = self._run(build, files, case.limits, example)
            if verdict.starved and not self._aborted:  # once more before it counts
                verdict = self._run(build, files, case.limits, example)
        except _Ended as e:
            return _verdict(example, e.status, e.detail)
        except LanguageError as e:
            detail = f"{e.message}; {e.hint}" if e.hint else e.message
            return _verdict(example, Status.UNJUDGED, detail)
        return verdict

    @property
    def _process(self) -> ProcessSlot:
        assert isinstance(self._slot, ProcessSlot)
        return self._slot

    @property
    def _toolchain(self) -> Toolchain:
        return self._process.toolchain

    def _plan(self, code: str, example: StdioExample | Suite) -> Build:
        if not code.strip():
            raise _Ended(Status.ERROR, "there is no code")
        test = isinstance(example, Suite)
        if test not in self._kits:
            self._kits[test] = self._kit(test)
        kit = self._kits[test]
        if isinstance(kit, _Ended):
            raise kit
        if isinstance(example, Suite):
            return self._toolchain.test(code, example, kit)
        return self._toolchain.program(code, kit)

    def _kit(self, test: bool) -> str | _Ended:
        """The folder of the language's kit, which is built where it is not there yet."""
        known = self._process.kits
        if test in known:
            return known[test]
        kit = self._toolchain.kit(test)
        name = kit_name(self._toolchain, kit) if kit else ""
        if kit and not artefacts.has_kit(name):
            with artefacts.building(name) as needed:
                failure = self._build_kit(name, kit) if needed else None
            if failure:
                return failure
        known[test] = name
        return name

    def _build_kit(self, name: str, kit: Kit) -> _Ended | None:
        if self._process.runs:  # all programs will rest on it: no candidate was here before
            raise SlotLost("a kit is built in a slot that ran nothing yet")
        done = self._process.build(
            kit.commands, _packed(kit.sources), kit.environment, _KIT_LIMITS, _KIT_SECONDS
        )
        if not done.well or done.handed is None:
            return _Ended(Status.UNJUDGED, f"the language's kit cannot be built: {_said(done)}")
        files = {n: d for n, d in archive.unpack(done.handed).items() if not n.endswith(".keep")}
        try:
            kept = self._toolchain.finish_kit(files, done.printed.decode())
            artefacts.keep_kit(name, kept)
        except OSError as e:
            return _Ended(Status.UNJUDGED, f"the language's kit cannot be kept: {e}")
        return None

    def _program(self, build: Build) -> bytes:
        """The archive of what is run.

        Raises:
            _Ended: it does not compile.
        """
        if not build.commands:
            return _packed(build.sources)
        name = artefacts.key(self._toolchain.version, build.sources, build.commands)
        if name not in self._built:
            self._built[name] = self._compiled(name, build)
        found = self._built[name]
        if isinstance(found, _Ended):
            raise found
        return found

    def _compiled(self, name: str, build: Build) -> bytes | _Ended:
        kept = artefacts.read_program(name)
        if kept is not None:
            return kept
        done = self._process.build(
            build.commands, _packed(build.sources), {}, _BUILD_LIMITS, _BUILD_SECONDS
        )
        if done.failure:
            return _Ended(Status.UNJUDGED, f"the compiler cannot be started: {done.failure}")
        if done.killed == "parent":
            return _Ended(Status.UNJUDGED, "interrupted")
        if done.killed or done.signal == signal.SIGXCPU:
            return _Ended(Status.TIMEOUT, f"compiling took longer than {_BUILD_SECONDS:g} s")
        if not done.well:
            return _Ended(Status.ERROR, f"does not compile: {_said(done)}")
        if done.handed is None:
            return _Ended(Status.OUTPUT, "compiles to more than is taken")
        artefacts.keep_program(name, done.handed)
        return done.handed

    def _run(
        self, build: Build, files: bytes, limits: Limits, example: StdioExample | Suite
    ) -> Verdict:
        command = self._toolchain.run(build, limits)
        try:
            binary = archive.unpack(files).get(PROGRAM) if command.native else None
        except archive.ArchiveError:
            binary = None
        if command.native and binary is None:
            return _verdict(example, Status.ERROR, "compiles to no program")
        word = nonce() + nonce()
        text = f"{word}\n" if isinstance(example, Suite) else example.input
        done = self._process.run(
            command.argv,
            (_packed({}) if command.native else files, _encoded(text), binary),
            command.execute,
            command.environment,
            {
                **command.limits,
                "FSIZE": limits.output_bytes + 1,
                "CPU": int(limits.seconds * 2) + 2,
            },
            limits.seconds,
        )
        if isinstance(example, Suite):
            return self._tested(example, done, limits, word)
        return self._compared(example, done, limits)

    def _tested(self, suite: Suite, done: Done, limits: Limits, word: str) -> Verdict:
        """What a test came to: a pass is the nonce and a good end, both."""
        status, detail = self._ending(done, limits)
        said = (done.printed + b"\n" + done.complained).decode("utf-8", "replace")
        failed = self._toolchain.assertion.search(said)
        if status is Status.ERROR and failed:
            status, detail = Status.FAILED, _line_of(said, failed.start())
        elif status is None and word.encode() in done.printed:
            status = Status.PASSED
        elif status is None:
            status, detail = Status.LEFT, "ended before the test's last statement"
        return _timed(_verdict(suite, status, detail), done, limits)

    def _compared(self, example: StdioExample, done: Done, limits: Limits) -> Verdict:
        """What a program printed, beside what it should have."""
        status, detail = self._ending(done, limits)
        text = done.printed[: limits.output_bytes].decode("utf-8", "replace")
        if status is None:
            passed = compare.same_text(example.expected, text, example.comparer)
            status = Status.PASSED if passed else Status.FAILED
            detail = "" if passed else "printed something else"
        got = compare.clip(text)
        return _timed(replace(_verdict(example, status, detail), got=got), done, limits)

    def _ending(self, done: Done, limits: Limits) -> tuple[Status | None, str]:
        """What became of a program; no status where it ended as programs should."""
        if done.failure:
            return Status.UNJUDGED, f"the program cannot be started: {done.failure}"
        if done.killed == "parent":
            return Status.UNJUDGED, "interrupted"
        if done.killed:
            return Status.TIMEOUT, f"no answer within {limits.seconds:g} s"
        if max(len(done.printed), len(done.complained)) > limits.output_bytes:
            return Status.OUTPUT, f"printed more than {limits.output_bytes} bytes"
        known = _STATUS_OF.get(signal.Signals(done.signal)) if done.signal else None
        if known is not None:
            return known
        if done.status == 0:
            return None, ""
        complaint = done.complained.decode("utf-8", "replace")
        if self._toolchain.memory.search(complaint):
            return Status.MEMORY, "ran out of memory"
        if done.signal and done.signal != signal.SIGABRT:
            return Status.LEFT, f"the process {done} before it ended"
        return Status.ERROR, ": ".join(filter(None, [str(done), _last_line(complaint)]))


def kit_name(toolchain: Toolchain, kit: Kit) -> str:
    """The folder in which a toolchain's kit is kept."""
    made_of = artefacts.key(toolchain.version, kit.sources, kit.commands, kit.environment)
    return f"{toolchain.language}-{made_of[:24]}"


def _packed(sources: Mapping[str, str]) -> bytes:
    return archive.pack({name: _encoded(text) for name, text in sources.items()})


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _verdict(example: Example | Suite, status: Status, detail: str) -> Verdict:
    return Verdict(status, example.input, example.expected, None, compare.clip(detail))


def _timed(verdict: Verdict, done: Done, limits: Limits) -> Verdict:
    late = verdict.status is Status.TIMEOUT
    starved = late and done.cpu_seconds < limits.seconds * STARVED
    return replace(verdict, seconds=done.seconds, starved=starved)


def _said(done: Done) -> str:
    """The first line in which a compiler says what is wrong, or how it ended."""
    text = (done.complained + b"\n" + done.printed).decode("utf-8", "replace")
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    wrong = next((line for line in lines if "error" in line.lower()), "")
    return (wrong or next(iter(lines), "") or f"the compiler {done}")[:_LINE]


def _line_of(text: str, at: int) -> str:
    start = text.rfind("\n", 0, at) + 1
    return text[start : (text + "\n").index("\n", at)].strip()[:_LINE]


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return lines[-1][:_LINE] if lines else ""
