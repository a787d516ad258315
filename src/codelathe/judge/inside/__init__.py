"""What runs in the slot's own processes, outside and then inside the sandbox.

These modules are never imported by the judge's own process for their effect: the
parent compiles them and hands the code to a fresh interpreter started with an empty
environment (`codelathe.judge.slot`). They use the standard library and each other,
and nothing else, so that no project file need exist inside the sandbox.

`launch` builds the sandbox; `warden` is the loop that forks one candidate at a time;
`candidate` is what runs in that fork; `probe` is the self-test before 'ready'.
"""
