"""No ticket is used twice, and remembering that costs a bounded amount of memory."""

from random import Random

from oyez.core.server.used import UsedTickets
from oyez.core.tickets import Ticket


def lasting(nonce: object, expires: float) -> Ticket:
    return Ticket("bob", "server:a", expires, f"{nonce}", lasting=True)


def test_a_ticket_is_used_once() -> None:
    used = UsedTickets()
    for ticket in (Ticket("bob", "server:a", 60.0, "one"), lasting("two", 1000.0)):
        assert used.use(ticket)
        assert not used.use(ticket)


def test_what_has_expired_is_forgotten() -> None:
    used = UsedTickets()
    for number in range(10):
        used.use(lasting(number, 100.0 + number))
        used.use(Ticket("bob", "server:a", 50.0 + number, f"soon {number}"))
    used.expire(54.0)
    assert len(used) == 15
    used.expire(109.0)
    assert len(used) == 0


def test_of_the_lasting_ones_only_so_many_are_remembered_and_still_none_is_used_twice() -> None:
    random, used = Random(1), UsedTickets(most=50)
    given = [lasting(number, random.uniform(1000.0, 2000.0)) for number in range(500)]
    taken = []
    for ticket in random.choices(given, k=3000):
        if used.use(ticket):
            taken.append(ticket.nonce)
        assert len(used) <= 50
    assert len(taken) == len(set(taken))
    assert not used.use(max(given, key=lambda ticket: ticket.expires))


def test_a_ticket_from_a_redirect_is_good_however_many_lasting_ones_were_used() -> None:
    used = UsedTickets(most=3)
    for number in range(10):
        used.use(lasting(number, 1000.0 + number))
    assert not used.use(lasting("late", 1003.0))
    assert used.use(lasting("later", 1020.0))
    assert used.use(Ticket("bob", "server:a", 60.0, "soon"))
