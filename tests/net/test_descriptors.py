"""How many links there may be, by the descriptors that there are."""

import resource
import subprocess
import sys

import pytest

from oyez.net.descriptors import FILES, NODES, for_links


@pytest.mark.parametrize("descriptors", [64, 128, 256, 1024, 4096, 65_536, 1 << 20])
def test_something_is_kept_for_nodes_and_for_the_disk(descriptors: int) -> None:
    links, nodes = for_links(descriptors)
    assert links + nodes + FILES <= descriptors
    assert 8 <= nodes <= NODES
    assert links >= descriptors // 3


def test_there_is_always_room_for_one() -> None:
    assert for_links(10)[0] == 1


def test_a_process_takes_what_it_may_have_without_asking() -> None:
    """In a process of its own: a limit once lowered stays so."""
    code = (
        "import resource as r; from oyez.net.descriptors import raise_limit;"
        "r.setrlimit(r.RLIMIT_NOFILE, (100, 200));"
        "print(raise_limit(), r.getrlimit(r.RLIMIT_NOFILE)[0], raise_limit())"
    )
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= 200
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["200", "200", "200"]
