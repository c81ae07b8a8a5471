"""The pages of a node whose role is played through, asked for over its own site."""

from oyez.core.central.central import Central
from oyez.core.peer import HERE, From
from oyez.host.measures import Measures
from oyez.web.journal import Journal
from oyez.web.origins import Origins
from oyez.web.requests import Request, Response, parse
from oyez.web.site import NodeSite, Offer
from oyez.web.views import CentralView, ServerView
from tests.core.nodes import Node
from tests.web.stage import get

OFFER = Offer()


class Pages:
    """Of this node."""

    def __init__(self, node: Node, offer: Offer = OFFER) -> None:
        self.measures = Measures("0.0")
        self._node = node
        central = isinstance(node.host.role, Central)
        journal = Journal(lambda: 0.0)
        view = CentralView(node.host, self.measures, journal) if central else ServerView(node.host, self.measures)
        self._site = NodeSite(view, Origins(), offer, not central, "http")

    def get(self, path: str, who: From = HERE) -> tuple[int, str]:
        """Status and body."""
        request = parse(get(path))
        assert isinstance(request, Request)
        link = self._node.connect(who).link.id
        response = self._site.respond(request, link)
        assert isinstance(response, Response)
        return response.status.value, response.body.decode()

    @property
    def ready(self) -> tuple[int, str]:
        status, body = self.get("/readyz")
        return status, body.strip()


READY = (200, "ready")
