# expect: timeout
# seconds: 0.4
"""A loop before there is anything to call."""

while True:
    pass
