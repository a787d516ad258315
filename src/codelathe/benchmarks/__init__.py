"""Benchmarks: problems with hidden tests, and how a model's text becomes a program for them."""

from codelathe.benchmarks.base import Benchmark, Task, Values
from codelathe.benchmarks.opening import BENCHMARKS, open_benchmark

__all__ = ["BENCHMARKS", "Benchmark", "Task", "Values", "open_benchmark"]
