"""From samples to scores: judged as a stream, resumable, with intervals and a signature."""
