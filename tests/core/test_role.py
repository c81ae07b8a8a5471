"""What a role does where it has nothing to do."""

from oyez.core.peer import HERE
from oyez.core.role import Quiet


def test_a_quiet_role_asks_for_nothing() -> None:
    quiet = Quiet()
    assert quiet.on_stop(1.0) == []
    assert quiet.on_open(1.0, 1, HERE) == []
    assert quiet.on_dialed(1.0, 1, "peer:b") == []
    assert quiet.on_dial_failed(1.0, "peer:b", "nobody answers there") == []
    assert quiet.on_activities(1.0, 1, b"") == []
    assert quiet.on_close(1.0, 1) == []
    assert quiet.on_timer(1.0, "tick") == []
    assert quiet.on_flush(1.0) == []
    assert quiet.on_hashed(1.0, 1, "hash") == []
    assert quiet.on_verified(1.0, 1, True) == []
