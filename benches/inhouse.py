"""A library that nobody has ever seen, with documentation, examples and held-out tasks.

Names and the jargon that tasks are told in are drawn with a seed from syllables, so that no model
can know them; which name does what, and in which order arguments stand, differs by seed too.
A task is a pipeline of the library's functions; held-out tasks have orders of functions, fields,
numbers and names of their own, which no example has.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

_ONSETS = [
    "b", "br", "d", "dr", "f", "g", "gl", "k", "l", "m", "n", "p", "pl", "qu", "s", "sk", "t",
    "tr", "v", "z",
]  # fmt: skip
_VOWELS = [
    "a", "e", "i", "o", "u",
]  # fmt: skip
_CODAS = [
    "b", "ck", "d", "ff", "g", "lm", "lt", "m", "n", "nd", "p", "rk", "s", "sp", "st", "th",
]  # fmt: skip
#: What each function does: its kind, its body, and how the documentation puts it.
_FILTERS = {
    "wide": ("r[f] > n or r[f] < -n", "keeps the records whose {f} is more than {n} away from 0"),
    "last": ("r[f] % n == n - 1", "keeps the records whose {f}, divided by {n}, leaves {n} - 1"),
    "band": (
        "n <= r[f] < 2 * n",
        "keeps the records whose {f} lies from {n} up to below twice {n}",
    ),
    "apart": (
        "r[f] // n % 2 == 0",
        "keeps the records whose {f} holds {n} an even number of times",
    ),
}
_CHANGES = {
    "turn": ("(r[f] + n) % 100", "adds {n} to the {f} of each record and wraps it at 100"),
    "edge": ("r[f] if r[f] < n else 2 * n - r[f]", "folds the {f} of each record back at {n}"),
}
_ORDERS = {
    "down": (
        "sorted(reversed(rs), key=lambda r: -r[f])",
        "sorts by {f}, the largest first and of equal ones the later first",
    ),
    "once": (
        "[r for i, r in enumerate(rs) if r[f] not in [q[f] for q in rs[:i]]]",
        "keeps the first record of each {f}",
    ),
    "rise": (
        "[{**r, f: r[f] - (rs[i - 1][f] if i else 0)} for i, r in enumerate(rs)]",
        "replaces each {f} by its difference to the record before",
    ),
    "flip": (
        "[{**r, f: max(q[f] for q in rs) - r[f]} for r in rs]",
        "replaces each {f} by how far it is below the largest",
    ),
}
_ENDS = {
    "less": ("sum(vs) - len(vs)", "the sum of {f}, less one for each record"),
    "sway": (
        "sum(v * (-1) ** i for i, v in enumerate(vs))",
        "the sum of {f}, each second one negative",
    ),
    "peak": (
        "max(range(len(vs)), key=lambda i: (vs[i], i), default=-1)",
        "the last place of the largest {f}, -1 where there is none",
    ),
    "even": ("[v * 2 if v % 2 == 0 else v for v in vs]", "the list of {f}, even ones doubled"),
}  # fmt: skip
_FIELDS = [
    "price", "weight", "stock", "age", "score", "depth", "length", "width", "rank", "level",
    "speed", "cost", "size", "volume", "pages", "delay", "points", "hours", "seats", "floors",
]  # fmt: skip
_HELD_FIELDS = [
    "margin", "height", "balance", "tempo", "quota", "rating", "density", "latency", "turnout",
    "mileage",
]  # fmt: skip
_NOUNS = [
    "orders", "crates", "members", "parcels", "drafts", "routes", "batches", "tickets", "lots",
    "signals",
]  # fmt: skip
_HELD_NOUNS = [
    "invoices", "beacons", "ledgers", "voyages", "shelters", "pumps", "recipes", "badges",
]  # fmt: skip
_ADJECTIVES = [
    "early", "plain", "north", "spare", "quiet", "bright", "tall", "brief", "inner", "loose",
]  # fmt: skip
_HELD_ADJECTIVES = [
    "rapid", "hollow", "upper", "stale", "crisp", "double", "narrow", "sunny",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """A function: `key` is what it does, `name` what code calls it, `jargon` what tasks call it."""

    key: str
    kind: str
    name: str
    jargon: str


@dataclass(frozen=True, slots=True)
class Step:
    """A function with its field, and for some a number."""

    word: Word
    field: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be written: a name, steps, and the last step that gives the answer."""

    name: str
    steps: tuple[Step, ...]
    end: Step

    @property
    def shape(self) -> tuple[str, ...]:
        """The order of functions, whatever their fields and numbers."""
        return (*(step.word.key for step in self.steps), self.end.word.key)


@dataclass(frozen=True, slots=True)
class Library:
    """The library: its module's name, the function that wraps records, and the others."""

    module: str
    wrap: str
    words: dict[str, Word] = field(default_factory=dict)

    def of(self, *kinds: str) -> list[Word]:
        """The functions of these kinds."""
        return [word for word in self.words.values() if word.kind in kinds]

    def source(self) -> str:
        """The module's code."""
        parts = [
            "class Tray:\n    def __init__(self, records):\n        self._held = [dict(r) for r in "
            "records]",
            f"def {self.wrap}(records):\n    return Tray(records)",
        ]
        parts += [_definition(word) for word in self.words.values()]
        return "\n\n\n".join(parts) + "\n"

    def context(self) -> str:
        """Code that makes the module importable, for what runs after it."""
        return (
            "import sys as _sys\nimport types as _types\n\n"
            f'_module = _types.ModuleType("{self.module}")\n'
            f"exec({self.source()!r}, _module.__dict__)\n"
            f'_sys.modules["{self.module}"] = _module\n'
        )

    def documentation(self) -> str:
        """Every function with its call, what it does, and what tasks call that."""
        head = (
            f"The library {self.module}. `{self.wrap}(records)` makes a tray of a list of dicts; "
            "every other function takes a tray."
        )
        return "\n".join([head, *(f"- {self.entry(word)}" for word in self.words.values())])

    def entry(self, word: Word) -> str:
        """One line of the documentation."""
        told = _meaning(word).format(f="field", n="n")
        gives = "returns" if word.kind == "end" else "returns a tray:"
        return f"`{_signature(word)}` {gives} {told}. In tasks: {_phrase(word, 'field', 'n')}."

    def solution(self, task: Task) -> str:
        """The code that solves a task."""
        used = dict.fromkeys(step.word.name for step in (*task.steps, task.end))
        lines = [f"from {self.module} import {', '.join([self.wrap, *used])}", "", ""]
        lines += [f"def {task.name}(records):", f"    tray = {self.wrap}(records)"]
        lines += [f"    tray = {_call(step)}" for step in task.steps]
        return "\n".join([*lines, f"    return {_call(task.end)}"]) + "\n"

    def prompt(self, task: Task) -> str:
        """The task in the house's words."""
        told = [_phrase(s.word, f"`{s.field}`", str(s.number)) for s in task.steps]
        last = _phrase(task.end.word, f"`{task.end.field}`", "")
        return (
            f"Write a Python function `{task.name}(records)` with our library {self.module}: "
            f"{', then '.join(told)}, and return {last}."
        )

    def run(self, task: Task, records: list[dict[str, int]]) -> Any:
        """What a task gives for `records`."""
        namespace = _loaded(self.source())
        tray = namespace[self.wrap](records)
        for step in (*task.steps, task.end):
            tray = eval(_call(step), {**namespace, "tray": tray})
        return tray


@cache
def _loaded(source: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {}
    exec(source, namespace)  # our own text
    return namespace


def make_library(seed: int) -> Library:
    """A library with names of its own."""
    draw = random.Random(seed)
    names: list[str] = []
    while len(names) < 40:
        name = "".join(draw.choice(part) for part in (_ONSETS, _VOWELS, _CODAS))
        tail = "".join(draw.choice(part) for part in (_ONSETS, _VOWELS))
        fresh = name if len(names) % 2 else name + tail
        if fresh not in names:
            names.append(fresh)
    kinds = [("filter", _FILTERS), ("change", _CHANGES), ("order", _ORDERS), ("end", _ENDS)]
    # Longer names are for code, shorter ones for tasks.
    code, jargon = names[0::2], names[1::2]
    words, place = {}, 2
    for kind, table in kinds:
        keys = list(table)
        draw.shuffle(keys)
        for key in keys:
            words[key] = Word(key, kind, code[place], jargon[place])
            place += 1
    return Library(code[0], code[1], words)


def make_tasks(
    library: Library, examples: int, held: int, seed: int
) -> tuple[list[Task], list[Task]]:
    """Examples and held-out tasks, which share no order of functions, field, number or name."""
    draw = random.Random(seed + 1)
    shapes: dict[tuple[str, ...], None] = {}
    middle, ends = library.of("filter", "change", "order"), library.of("end")
    while len(shapes) < 2 * (examples + held):
        chosen = draw.sample(middle, draw.choice((1, 2, 2, 2, 3)))
        shapes[(*(word.key for word in chosen), draw.choice(ends).key)] = None
    drawn = list(shapes)
    draw.shuffle(drawn)
    numbers = [n for n in range(3, 60) if n % 5 != 2]
    held_numbers = [n for n in range(3, 60) if n % 5 == 2]
    names = [f"{a}_{b}" for a in _ADJECTIVES for b in _NOUNS]
    held_names = [f"{a}_{b}" for a in _HELD_ADJECTIVES for b in _HELD_NOUNS]
    draw.shuffle(held_names)
    test: list[Task] = []
    train: list[Task] = []
    for shape in drawn:
        if len(test) < held:
            told = _telling(
                library, shape, held_names[len(test)], (_HELD_FIELDS, held_numbers), draw
            )
            test += [told] if told else []
        elif len(train) < examples:
            told = _telling(library, shape, draw.choice(names), (_FIELDS, numbers), draw)
            train += [told] if told else []
    if len(test) < held or len(train) < examples:
        raise ValueError(f"only {len(train)} examples and {len(test)} held-out tasks")
    return train, test


def _telling(
    library: Library,
    shape: Sequence[str],
    name: str,
    pools: tuple[Sequence[str], Sequence[int]],
    draw: random.Random,
) -> Task | None:
    """A task of this shape in which every step counts; None where none is found."""
    for _ in range(12):
        task = _task(library, shape, name, pools, draw)
        try:
            make_cases(library, task, 0)
        except ValueError:
            continue
        return task
    return None


def _task(
    library: Library,
    shape: Sequence[str],
    name: str,
    pools: tuple[Sequence[str], Sequence[int]],
    draw: random.Random,
) -> Task:
    fields, numbers = pools
    # Two fields at most, so that steps touch what others changed.
    few = draw.sample(list(fields), 2)
    steps = []
    for key in shape:
        word = library.words[key]
        number = draw.choice(numbers) if word.kind in ("filter", "change") else 0
        steps.append(Step(word, draw.choice(few), number))
    return Task(name, tuple(steps[:-1]), steps[-1])


def make_cases(
    library: Library, task: Task, seed: int, count: int = 5
) -> list[tuple[list[dict[str, int]], Any]]:
    """Inputs and what a task gives for them, such that every neighbour gives something else.

    A neighbour does something else in one step, or leaves it out.
    """
    draw = random.Random(f"{seed} {task.name} {task.shape}")
    others = neighbours(library, task)
    fields = sorted({step.field for step in (*task.steps, task.end)})
    numbers = [step.number for step in task.steps if step.number] or [20]
    cases: list[tuple[list[dict[str, int]], Any]] = []
    for _ in range(150):
        near = [n + d for n in numbers for d in (-1, 0, 1, n)]
        records = [
            {name: draw.choice((draw.randrange(0, 100), draw.choice(near))) for name in fields}
            for _ in range(draw.randrange(5, 10))
        ]
        expected = library.run(task, records)
        left = [other for other in others if library.run(other, records) == expected]
        if len(left) < len(others):
            cases.append((records, expected))
            others = left
        if not others and len(cases) >= count:
            return cases
        if not others:
            cases.append((records, expected))
    raise ValueError(f"{task.name} {task.shape} cannot be told from {others[0].shape}")


def neighbours(library: Library, task: Task) -> list[Task]:
    """Tasks with another function, of the same kind of call, or none, in one step."""
    found = []
    for place, step in enumerate(task.steps):
        kinds = ("order",) if step.word.kind == "order" else ("filter", "change")
        before, after = task.steps[:place], task.steps[place + 1 :]
        found.append(Task(task.name, (*before, *after), task.end))
        found += [
            Task(task.name, (*before, Step(word, step.field, step.number), *after), task.end)
            for word in library.of(*kinds)
            if word != step.word
        ]
    found += [
        Task(task.name, task.steps, Step(word, task.end.field))
        for word in library.of("end")
        if word != task.end.word
    ]
    return found


def _meaning(word: Word) -> str:
    for table in (_FILTERS, _CHANGES, _ORDERS, _ENDS):
        if word.key in table:
            return table[word.key][1]
    raise KeyError(word.key)


def _signature(word: Word) -> str:
    if word.kind == "end":
        return f"{word.name}(tray, of=field)"
    return f"{word.name}(field, tray)" if word.kind == "order" else f"{word.name}(tray, field, n)"


def _call(step: Step) -> str:
    if step.word.kind == "end":
        return f'{step.word.name}(tray, of="{step.field}")'
    if step.word.kind == "order":
        return f'{step.word.name}("{step.field}", tray)'
    return f'{step.word.name}(tray, "{step.field}", {step.number})'


def _phrase(word: Word, name: str, number: str) -> str:
    if word.kind == "filter":
        return f"keep those that {word.jargon} {number} in {name}"
    if word.kind == "change":
        return f"{word.jargon} {name} by {number}"
    if word.kind == "order":
        return f"{word.jargon} them along {name}"
    return f"the {word.jargon} of {name}"


def _definition(word: Word) -> str:
    if word.kind == "filter":
        body = f"[r for r in tray._held if {_FILTERS[word.key][0]}]"
        return f"def {word.name}(tray, f, n):\n    return Tray({body})"
    if word.kind == "change":
        body = f"[{{**r, f: {_CHANGES[word.key][0]}}} for r in tray._held]"
        return f"def {word.name}(tray, f, n):\n    return Tray({body})"
    if word.kind == "order":
        return (
            f"def {word.name}(f, tray):\n    rs = tray._held\n"
            f"    return Tray({_ORDERS[word.key][0]})"
        )
    return (
        f"def {word.name}(tray, of):\n    vs = [r[of] for r in tray._held]\n"
        f"    return {_ENDS[word.key][0]}"
    )
