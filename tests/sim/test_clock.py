from oyez.sim.clock import Clock


def test_things_happen_by_time_and_then_in_the_order_in_which_they_were_asked_for() -> None:
    clock, happened = Clock(), []
    for name, delay in [("b", 2.0), ("a", 1.0), ("c", 2.0)]:
        clock.after(delay, lambda name=name: happened.append((clock.now, name)))  # type: ignore[misc]
    clock.run(until=3.0)
    assert happened == [(1.0, "a"), (2.0, "b"), (2.0, "c")]
    assert clock.now == 3.0


def test_what_was_cancelled_does_not_happen() -> None:
    clock, happened = Clock(), []
    event = clock.after(1.0, lambda: happened.append("never"))
    event.cancel()
    clock.run(until=2.0)
    assert happened == []
    assert clock.happened == 0


def test_what_is_asked_for_the_past_happens_now() -> None:
    clock, happened = Clock(), []
    clock.run(until=5.0)
    clock.at(1.0, lambda: happened.append(clock.now))
    clock.run(until=5.0)
    assert happened == [5.0]
