# row: 12
# bites: lives
# expect: failed left error memory
"""Source nested deeper than a parser can follow, from inside."""


def solve(n):
    deep = "wrong"
    for text in ("[" * 10**6, "-" * 10**5 + "1", "(" * 10**5 + ")" * 10**5):
        try:
            eval(text)
        except (MemoryError, RecursionError, SyntaxError):
            pass
    return deep
