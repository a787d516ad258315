"""Which answers begin when, where many share a prompt."""

from __future__ import annotations

from collections import deque

from codelathe.core.generation import Sampling
from codelathe.engines._line import Line
from codelathe.engines.openvino import start_some


class Rows:
    """A batch with room for so many lines."""

    def __init__(self, width: int = 8) -> None:
        self.width = width
        self.started: list[tuple[int, int]] = []

    def admits(self, _: Line) -> bool:
        return len(self.started) < self.width

    def start(self, line: Line) -> None:
        self.started.append((line.request, line.choice))


def lines(requests: int, choices: int) -> deque[Line]:
    return deque(
        Line(request, choice, [request], Sampling(max_tokens=4))
        for request in range(requests)
        for choice in range(choices)
    )


def left(waiting: deque[Line]) -> list[tuple[int, int]]:
    return [(line.request, line.choice) for line in waiting]


class Call:
    """A call of the engine whose lines grow when told, and end at so many tokens."""

    def __init__(self, requests: int, choices: int, width: int = 8, longest: int = 9) -> None:
        self.batch, self.waiting = Rows(width), lines(requests, choices)
        self.running: list[Line] = []
        self.read: set[int] = set()
        self.longest = longest

    def begin(self) -> list[tuple[int, int]]:
        """Those that begin now."""
        before = len(self.batch.started)
        start_some(self.batch, self.waiting, self.running, self.read)
        return self.batch.started[before:]

    def grow(self) -> None:
        for line in self.running:
            line.take([1], frozenset())
        self.read.update(line.request for line in self.running if line.written == self.longest)
        self.running = [line for line in self.running if line.written < self.longest]


def test_the_very_first_prompt_is_read_by_itself() -> None:
    call = Call(3, 1)
    assert [call.begin(), call.begin()] == [[(0, 0)], []]


def test_of_each_request_one_answer_begins_before_the_others() -> None:
    call = Call(3, 3)
    call.begin()
    call.grow()
    assert call.begin() == [(0, 1), (0, 2), (1, 0), (2, 0)]


def test_the_others_begin_together_once_their_prompt_was_read() -> None:
    call = Call(2, 3)
    for _ in range(2):
        call.begin()
        call.grow()
    assert call.begin() == [(1, 1), (1, 2)]


def test_a_prompt_is_known_after_its_answer_has_ended() -> None:
    call = Call(2, 3, longest=2)
    for _ in range(2):
        call.begin()
        call.grow()
    assert [line.choice for line in call.running] == [1, 2, 0]
    call.grow()
    assert call.begin() == [(1, 1), (1, 2)]


def test_what_waits_keeps_its_order() -> None:
    call = Call(2, 3)
    call.begin()
    call.grow()
    call.begin()
    assert left(call.waiting) == [(1, 1), (1, 2)]


def test_no_more_begin_than_there_is_room_for() -> None:
    call = Call(4, 1, width=2)
    call.begin()
    call.grow()
    assert call.begin() == [(1, 0)]
