"""Fuzzing, guided by coverage: what has to hold whatever bytes come, tried with inputs that were kept and new ones.

- `targets/`: one module each, with a `check(data)` that raises where something does not hold. `data`, `json_like` and
  `stages` make lines, texts and nodes with somebody who behaves out of a fuzzer's bytes.
- `corpus/`: the inputs that are kept, by target. `seed-…` were made by hand, `found-…` broke something once,
  `planted-…` break it where a bug is planted, the others run through code that none of these does.
- `planted`: bugs, to see that they are found.
- `test_fuzz`: all of this in the suite (without atheris, what was kept), and for minutes or hours in `make soak`, where
  FUZZ is the seconds for each target.

By hand, from the root, with `pip install -e .[fuzz]`:

    python -m tests.fuzz codec -max_total_time=600 -artifact_prefix=found- NEW tests/fuzz/corpus/codec
    python -m tests.fuzz codec --replay found-crash-…
    python -m tests.fuzz codec -minimize_crash=1 -max_total_time=60 found-crash-…
    python -m tests.fuzz codec -merge=1 FEWER NEW tests/fuzz/corpus/codec

What breaks something is mended, with a test that names it, and kept as `corpus/TARGET/found-WHAT`. A bug that slipped
through is worth a plant. All that is kept is less than 200 KB.

What it has found: numbers of thousands of digits in the ids of activities and posts, and ids that are no UTF-8, raised
in servers (from other servers) and in clients (from servers); so did a signed ticket that is nested too deeply.

How soon planted bugs are found, from nothing: most of the 22 within some 500 inputs, which takes a second or two. The
three with whole nodes (`hosts`, `nodes`, where each input is as much as a test) take 1,000 to 1,400; the slowest of all
took 10,000.
"""
