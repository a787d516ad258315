"""Values, ports and errors. Standard library only; imports nothing of codelathe."""
