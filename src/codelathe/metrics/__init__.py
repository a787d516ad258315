"""Rows to scores, with the uncertainty of each."""
