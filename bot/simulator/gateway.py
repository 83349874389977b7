"""The gateway: who is connected, and what they are told."""

from collections import deque
from typing import Any

from aiohttp import web

from bot.simulator.news import Payload
from bot.simulator.people import BOT
from bot.simulator.session import Outbox, Session
from bot.simulator.world import World

IDENTIFY_PERIOD = 5.0
BAD_TOKEN = 4004
MOST_SESSIONS = 100


class Gateway:
    """Keeps sessions across connections, and passes the news on to all of them."""

    def __init__(self, world: World) -> None:
        self.paced = False  # refuse a second IDENTIFY within five seconds, as Discord does
        self.identifies: deque[dict[str, Any]] = deque(maxlen=1_000)
        self._world = world
        self._sessions: dict[str, Session] = {}
        self._last_identify = float("-inf")
        world.news.subscribe(self._tell)

    @property
    def connected(self) -> int:
        """Count the sessions that have a connection."""
        return sum(session.outbox is not None for session in self._sessions.values())

    def identify(self, wish: Payload, outbox: Outbox, address: str) -> Session | None:
        """Open a session, or return None when it is too early for another."""
        now = self._world.time.now()
        self.identifies.append({"at": now, "intents": wish.get("intents", 0), "properties": wish.get("properties")})
        early, self._last_identify = now - self._last_identify < IDENTIFY_PERIOD, now
        if self.paced and early:
            return None
        session = Session(int(wish.get("intents", 0)))
        session.outbox = outbox
        self._sessions[session.id] = session
        while len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session.tell("READY", self._ready(session, address))
        session.tell("GUILD_CREATE", self._world.guild.arrival())
        return session

    def resume(self, wish: Payload, outbox: Outbox) -> Session | None:
        """Take a session up again, or return None when it is not known any more."""
        session = self._sessions.get(str(wish.get("session_id")))
        sequence = int(wish.get("seq") or 0)
        if session is None or not session.can_resume(sequence):
            return None
        session.resume(sequence, outbox)
        return session

    def drop(self, *, forget: bool = False) -> int:
        """End all connections; return how many. Forgotten sessions cannot be resumed."""
        outboxes = [session.outbox for session in self._sessions.values() if session.outbox is not None]
        for session in self._sessions.values():
            session.outbox = None
        for outbox in outboxes:
            outbox.put_nowait(None)
        if forget:
            self._sessions.clear()
        return len(outboxes)

    def _tell(self, event: str, payload: Payload) -> None:
        for session in self._sessions.values():
            session.tell(event, payload)

    def _ready(self, session: Session, address: str) -> Payload:
        guild = self._world.guild.payload()
        return {
            "v": 10,
            "user": {**BOT.payload(), "verified": True, "mfa_enabled": False, "email": None},
            "guilds": [{"id": guild["id"], "unavailable": True}],
            "session_id": session.id,
            "resume_gateway_url": address,
            "session_type": "normal",
            "shard": [0, 1],
            "application": {"id": str(BOT.id), "flags": 0},
        }


GATEWAY: web.AppKey[Gateway] = web.AppKey("gateway", Gateway)
