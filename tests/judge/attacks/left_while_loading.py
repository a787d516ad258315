# row: 12
# bites: ends
# expect: left
"""A clean exit before there is anything to call."""

import os

os._exit(0)
