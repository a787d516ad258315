"""From a problem to a proved solution, given an engine and a judge."""
