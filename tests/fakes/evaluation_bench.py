"""A samples file for the made-up benchmark, and what is made of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from codelathe.benchmarks.base import Benchmark
from codelathe.core.judging import Judge
from codelathe.evaluation.judging import Listener, judge_samples, open_ledger, plan
from codelathe.evaluation.summary import Summary
from fakes.judging import Told, made_up

Rows = Iterable[tuple[int, str]]


class Bench:
    """A folder with a samples file, and what is made of it."""

    def __init__(self, folder: Path) -> None:
        self.samples = folder / "samples.jsonl"
        self.verdicts = folder / "verdicts.jsonl"
        self.result = folder / "result.json"
        self.benchmark: Benchmark = made_up()

    def write(self, rows: Rows) -> None:
        """Samples as (problem, what the judge is to say)."""
        self.samples.write_text(
            "".join(
                json.dumps({"task_id": f"Toy/{i}", "completion": f"x = {i} # {say}"}) + "\n"
                for i, say in rows
            )
        )

    def run(
        self,
        judge: Judge | None = None,
        ks: tuple[int, ...] | None = None,
        listener: Listener | None = None,
    ) -> Summary:
        work = plan(self.benchmark, self.samples, ks)
        judge = judge or Told()
        with open_ledger(work, judge.name, self.verdicts, self.result) as ledger:
            return judge_samples(work, judge, ledger, listener or Listener())

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.verdicts.read_text().splitlines()]

    def statuses(self) -> list[str]:
        return [row["status"] for row in self.rows()]
