"""How many links this process can have: each takes a file descriptor, and so do the disk and the log.

Guarantees: what is kept back is enough for those, and for nodes. Must not know: who is on the links.
"""

import resource

ENOUGH = 1 << 20
"""Descriptors beyond which a limit is none."""

FILES = 32
"""Kept for what is no link: the disk, the log, the pollers."""

NODES = 128
"""Most that are kept for links of nodes; an eighth where there are few."""


def raise_limit() -> int:
    """Let this process have as many as it may without asking anybody; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(hard, ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # a platform with another bound of its own: what there is has to do
            return soft
        return wanted
    return min(soft, ENOUGH) if soft != resource.RLIM_INFINITY else ENOUGH


def for_links(descriptors: int) -> tuple[int, int]:
    """Of so many: most links of clients, and how many more are kept for nodes."""
    nodes = min(NODES, max(8, descriptors // 8))
    return max(1, descriptors - FILES - nodes), nodes
