"""Which tier of isolation this machine offers, found by building each and testing it.

Tier A: namespaces, own root, Landlock, seccomp, limits. A-: without Landlock. B: without
namespaces. Where not even B can be had, nothing is run, and the error names the feature
that is missing, the system's error, and what to do about it.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codelathe.core.errors import IsolationError
from codelathe.core.judging import Isolation
from codelathe.judge.slot import UNPRIVILEGED, Failure, Sandbox, Slot

TIERS = ("A", "A-", "B")

Make = Callable[[str, Sequence[int]], Sandbox]
"""Starts a slot of one kind, of a tier and on some processors, or raises Failure."""

_NAMESPACES = (
    "allow user namespaces (sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, "
    "sysctl -w kernel.unprivileged_userns_clone=1 on older Debian, user.max_user_namespaces "
    "above 0); in Docker add --security-opt seccomp=unconfined"
)
#: feature -> what to do about it
FIXES: dict[str, str] = {
    "user namespace": _NAMESPACES,
    "mount namespace": _NAMESPACES,
    "pid namespace": _NAMESPACES,
    "network namespace": _NAMESPACES,
    "ipc namespace": _NAMESPACES,
    "uts namespace": _NAMESPACES,
    "cgroup namespace": _NAMESPACES,
    "mounts": f"needs Linux 5.12 or later; {_NAMESPACES}",
    "pivot_root": _NAMESPACES,
    "landlock": "needs Linux 6.2 or later with landlock in the lsm= boot parameter",
    "seccomp": "needs a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64",
    "unprivileged user": f"run as an ordinary user, or where root may become uid {UNPRIVILEGED}",
    "interpreter": "run as an ordinary user, or with a Python that every user can read",
    "launcher": "run `lathe doctor` for the details",
    "self-test": "report this with the output of `lathe doctor`; nothing was run",
    "Linux": "run on Linux, for example in a Linux virtual machine",
}


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing isolation rests on: whether this machine has it, else why not and the fix."""

    name: str
    ok: bool
    detail: str = ""
    number: int = 0
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What `lathe doctor` shows. `tier` is empty where nothing can be run."""

    tier: str
    features: tuple[Feature, ...]


def lacking(failure: Failure) -> Feature:
    """A failure to start, with its fix."""
    fix = FIXES.get(failure.feature, "")
    return Feature(failure.feature, False, failure.what, failure.number, fix)


def open_slot(
    tier: str | None, processors: Sequence[int], make: Make = Slot
) -> tuple[Sandbox, Isolation]:
    """A slot of the best tier this machine offers, or of `tier` and no other; `make` makes it.

    Raises:
        IsolationError: there is none.
    """
    slot, isolation, failures = _search(tier, processors, make)
    if slot is None:
        raise refusal(failures)
    return slot, isolation


def _search(
    tier: str | None, processors: Sequence[int], make: Make = Slot
) -> tuple[Sandbox | None, Isolation, list[Feature]]:
    """The best slot to be had, and what better ones lacked."""
    failures: list[Feature] = []
    if sys.platform != "linux":
        return None, Isolation(""), [lacking(Failure("Linux", f"this is {sys.platform}", 0))]
    for candidate in TIERS if tier is None else (tier,):
        if _hopeless(candidate, failures):
            continue
        try:
            slot = make(candidate, processors)
        except Failure as e:
            failures.append(lacking(e))
            continue
        missing = dict.fromkeys([*_lost(candidate), *slot.ready.missing])
        return slot, Isolation(candidate, tuple(missing)), failures
    return None, Isolation(""), failures


def _hopeless(tier: str, failures: Sequence[Feature]) -> bool:
    """A- helps only where Landlock alone was missing."""
    return tier == "A-" and bool(failures) and failures[-1].name != "landlock"


def _lost(tier: str) -> tuple[str, ...]:
    return {"A-": ("landlock",), "B": ("namespaces",)}.get(tier, ())


def refusal(failures: Sequence[Feature]) -> IsolationError:
    """The error for a machine on which nothing can be run."""
    what = "; ".join(dict.fromkeys(f"{f.name}: {f.detail}{_code(f.number)}" for f in failures))
    fixes = dict.fromkeys(f.fix for f in failures if f.fix)
    return IsolationError(
        f"this machine cannot isolate code, so nothing was run ({what})", hint="; or ".join(fixes)
    )


def _code(number: int) -> str:
    return f" [{errno.errorcode.get(number, number)}]" if number else ""


def isolation_report(tier: str | None = None) -> Report:
    """Build and test a sandbox here and say what it has and what it lacks.

    `tier` asks for that one alone. Takes a fraction of a second; raises nothing.
    """
    usable = getattr(os, "sched_getaffinity", None)
    slot, isolation, failures = _search(tier, sorted(usable(0)) if usable else [0])
    present: list[Feature] = []
    if slot is not None:
        present = [Feature(n, True, d) for n, d in _parts(isolation.tier, slot.ready.landlock)]
        slot.kill()
    return Report(isolation.tier, (*failures, *present))


def _parts(tier: str, landlock: int) -> list[tuple[str, str]]:
    """What a slot that is ready was built of and tested for, with a detail."""
    parts = [("seccomp", ""), ("limits", ""), ("self-test", "")]
    if landlock:
        parts.insert(0, ("landlock", f"ABI {landlock}"))
    if tier != "B":
        parts[:0] = [
            ("namespaces", "user, mount, process, network, IPC, UTS, cgroup"),
            ("own root", ""),
        ]
    return parts
