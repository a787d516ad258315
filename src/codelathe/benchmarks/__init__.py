"""Benchmarks: problems with hidden tests, and how a model's text becomes a program for them."""

from codelathe.benchmarks.base import Benchmark, Task, Values
from codelathe.benchmarks.opening import BENCHMARKS, is_own, open_benchmark

__all__ = ["BENCHMARKS", "Benchmark", "Task", "Values", "is_own", "open_benchmark"]
