"""codelathe: a workbench for code language models whose every claim is proved by running code."""

__version__ = "0.1.0"
