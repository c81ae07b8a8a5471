"""Oyez once more, with clients that speak WebSocket."""

from bench.peers.base import Speech, Step
from bench.peers.oyez import LOGIN, Oyez
from bench.peers.websockets import ACCEPT, HANDSHAKE, frame


class OyezWebsocket(Oyez):
    """The same central and server, another way to speak with it."""

    name = "oyez-ws"

    def speech(self, activity: bytes) -> Speech:
        lines = super().speech(activity)
        opening = (Step(HANDSHAKE, ACCEPT), Step(frame(LOGIN.send[:-1]), LOGIN.wait))
        return Speech(frame(lines.message[:-1]), opening, opening)
