"""The HTTP service: code with its proof, and explanations, for programs on this machine."""
