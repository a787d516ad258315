"""A model made smaller: quantized, pruned, packed; with what that cost."""
