"""Tuning: documents change a model's weights, or learn small ones beside them.

`tune` is the whole of it. What a run leaves behind is in `folder`, what it tells in `listening`.
"""

from codelathe.training.tuning.listening import Listener, Silence, Standing
from codelathe.training.tuning.result import Best, Tuned, TuningStopped
from codelathe.training.tuning.tuning import finished, identify, prepare_process, tune

__all__ = [
    "Best",
    "Listener",
    "Silence",
    "Standing",
    "Tuned",
    "TuningStopped",
    "finished",
    "identify",
    "prepare_process",
    "tune",
]
