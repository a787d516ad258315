"""Small git repositories, made with fixed times so that they are the same on every run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

LICENCE = "Permission is hereby granted, free of charge, to any person, without restriction\n"
STACK = '''"""A stack."""

import heapq
from collections import deque, OrderedDict

LIMIT = 10


class Stack(list):
    """Holds things."""

    def push(self, thing):
        """Put a thing on top, unless the stack is full."""
        if len(self) >= LIMIT:
            raise OverflowError(f"no more than {LIMIT}")
        self.append(thing)
        return deque(self)


def smallest(numbers, count=1):
    """Give the smallest numbers, in rising order."""
    found = heapq.nsmallest(count, numbers)
    for number in found:
        print("found", number)
    return found
'''


class GitRepository:
    """A repository in a folder; each commit is a minute after the one before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._clock = 1_700_000_000
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        """Run git in it, and give what it prints."""
        who = {"NAME": "Ann", "EMAIL": "ann@example.com", "DATE": f"{self._clock} +0000"}
        environment = dict(os.environ)
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_{name}": value for name, value in who.items()}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            env=environment, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def write(self, path: str, content: str | bytes) -> None:
        """Put a file in its working tree."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str = "Add the first files of this") -> str:
        """Commit all there is in the working tree, and give the commit's name."""
        self._clock += 60
        self.git("add", "-A", "-f")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


def stack_repository(folder: Path) -> GitRepository:
    """A licence and one module with two documented functions, committed."""
    made = GitRepository(folder)
    made.write("LICENSE", LICENCE)
    made.write("shop/stack.py", STACK)
    made.commit()
    return made
