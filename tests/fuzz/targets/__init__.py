"""One module a target: `check(data)` raises AssertionError, or whatever our code raises that it should not.

`LONGEST` is the most bytes of an input, `RUNS` how many inputs the suite tries beyond the kept ones: some seconds'
worth. `WORDS` are what a fuzzer may put together, where the bytes are text. None is imported here, so that each can be
imported alone, and instrumented.
"""

from __future__ import annotations

from pathlib import Path

TARGETS = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
