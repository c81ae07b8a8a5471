"""The one error of the benchmark: something that it needs did not work, said in a sentence for whoever runs it."""


class BenchError(Exception):
    """A peer, a generator or the machine did not do what a run needs; the run has no figures."""
