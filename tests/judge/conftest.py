"""Attacks are data for the judge: pytest must never import one, whatever it is called."""

collect_ignore = ["attacks", "programs"]
