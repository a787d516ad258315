"""Benchmarks: problems with hidden tests, and how a model's text becomes a program for them."""
