"""A tuned model in a form that others take: merged, as GGUF, checked against what it was."""
