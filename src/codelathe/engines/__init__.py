"""The engines: each turns requests into completions, and knows nothing of problems or judges."""
