"""Where a link comes from."""

import pytest

from oyez.core.peer import HERE, From


@pytest.mark.parametrize(
    ("written", "address", "loopback"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.3.2.1", "127.3.2.1", True),
        ("::1", "::1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("::ffff:192.0.2.7", "192.0.2.7", False),
        ("192.0.2.7", "192.0.2.7", False),
        ("12.7.0.0", "12.7.0.0", False),
        ("2001:db8::1", "2001:db8::1", False),
        ("::", "::", False),
    ],
)
def test_an_address_and_whether_it_is_of_this_machine(written: str, address: str, loopback: bool) -> None:
    assert From.at(written) == From(address, loopback, verified=True)


def test_a_peer_without_a_certificate() -> None:
    assert From.at("127.0.0.1", verified=False) != HERE
