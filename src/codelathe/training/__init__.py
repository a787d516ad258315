"""Tuning a model on one's own code: data in, data built from a repository, training, export."""
