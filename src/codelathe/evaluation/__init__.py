"""The pipeline: samples to verdicts to scores, with resume."""
