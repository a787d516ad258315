# row: 7
# bites: loops
# expect: timeout
# seconds: 0.25
"""A loop before there is anything to call."""

while True:
    pass
