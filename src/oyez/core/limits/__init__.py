"""What a stranger, a guesser and a flood may cost a node: pure, bounded pieces with the time given (ADR 11).

`buckets` and `failures` count; `guesses` protects secrets, `jobs` the threads that hash them; `door` watches links
until somebody has shown who they are; `pace` slows sessions. `settings` has every figure. They are told addresses and
names, and know neither sockets nor roles.
"""
