"""Whether the server is there, how long it takes to answer, and who is typing for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tertulia.client.session import events as ev

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

INTERVAL_S = 30.0
PATIENCE_S = 30.0
TOKEN = "lag-"
TYPING_S = 6.0
"""How long a typing notification is believed (ircv3.net/specs/client-tags/typing)."""
PAUSED_S = 30.0
TYPING_EVERY_S = 3.0
TYPERS_MOST = 100
ANSWER_S = 2.0


class Pulse:
    """The timers of one connection."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._next: float | None = None
        self._asked: float | None = None
        self._heard = 0.0
        self._count = 0
        self._told: dict[str, float] = {}
        self._answer_at = 0.0
        self.lag_s: float | None = None

    def begin(self) -> None:
        """One is on the server."""
        self._ask(self._session.clock.now())

    def stop(self) -> None:
        """One is not."""
        self._next = self._asked = None

    def heard(self) -> None:
        """Something came."""
        self._heard = self._session.clock.now()

    def due(self) -> float | None:
        """Return when `tick` is to be called."""
        ends = [end for buffer in self._session.model for end in buffer.typing.values()]
        moments = [self._next, *ends]
        return min((one for one in moments if one is not None), default=None)

    def tick(self, now: float) -> None:
        """Ask the server; give up one that does not answer."""
        self._forget_typers(now)
        if self._next is None or now < self._next:
            return
        if self._asked is not None and now - max(self._heard, self._asked) >= PATIENCE_S:
            self._session.give_up("the server does not answer")
            return
        self._ask(now)

    def _ask(self, now: float) -> None:
        if self._asked is None:
            self._asked = now
            self._count += 1
            self._session.send("PING", f"{TOKEN}{self._count}")
        self._next = now + INTERVAL_S

    def answered(self, token: str) -> None:
        """The answer to a PING came."""
        if token == f"{TOKEN}{self._count}" and self._asked is not None:
            self.lag_s = self._session.clock.now() - self._asked
            self._asked = None

    def may_answer(self) -> bool:
        """Whether a program that asks is answered: so often that nobody can flood with it."""
        now = self._session.clock.now()
        if now < self._answer_at:
            return False
        self._answer_at = now + ANSWER_S
        return True

    # Typing

    def types(self, nick: str, where: str, what: str) -> None:
        """Somebody is typing, or stopped."""
        buffer = self._session.model.get(where)
        if buffer is None:
            return
        known = nick in buffer.typing
        if what in ("active", "paused") and len(buffer.typing) < TYPERS_MOST:
            lasts = TYPING_S if what == "active" else PAUSED_S
            buffer.typing[nick] = self._session.clock.now() + lasts
        else:
            buffer.typing.pop(nick, None)
        if known != (nick in buffer.typing):
            self._session.tell(ev.TypingChanged(buffer))

    def spoke(self, nick: str, where: str) -> None:
        """Whoever speaks does not type."""
        self.types(nick, where, "done")

    def _forget_typers(self, now: float) -> None:
        for buffer in self._session.model:
            over = [nick for nick, end in buffer.typing.items() if now >= end]
            for nick in over:
                del buffer.typing[nick]
            if over:
                self._session.tell(ev.TypingChanged(buffer))

    def tell_typing(self, target: str, is_typing: bool) -> None:
        """Tell others, not too often, that one is typing."""
        session, now = self._session, self._session.clock.now()
        if "message-tags" not in session.caps or not session.settings.tells_typing:
            return
        key = session.model.fold(target)
        if is_typing and now - self._told.get(key, float("-inf")) >= TYPING_EVERY_S:
            self._told[key] = now
            session.send("TAGMSG", target, tags={"+typing": "active"})
        elif not is_typing and self._told.pop(key, None) is not None:
            session.send("TAGMSG", target, tags={"+typing": "done"})

    def said(self, target: str) -> None:
        """What was typed was sent."""
        self._told.pop(self._session.model.fold(target), None)
