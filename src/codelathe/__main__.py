"""`python -m codelathe` is `lathe`."""

from codelathe.cli import main

main()
