"""A repository becomes training rows: functions both ways, spans to fill in, commit edits.

Nothing of the repository is run: files are read as git holds them, and parsed.
"""
