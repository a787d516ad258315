"""The languages that a process slot compiles and runs, one module each.

`base` says what a toolchain has to tell; `codelathe.judge.programs` does the rest. A new
language is a module here and a line in `codelathe.judge.languages`; `docs/languages.md` shows
how, with an example.
"""
