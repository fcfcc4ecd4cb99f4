"""Whom to connect to, and when: servers that announce themselves, and addresses that are known.

Whatever is announced, and however often, a server costs one attempt in five seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from msgspec import Struct

ATTEMPT_S = 5.0
"""To one announced server at most one attempt in this time."""
BACKOFF_S = (1.0, 30.0)
"""The first pause between two attempts, and the longest; to whom there was a link that lasted
it is `ATTEMPT_S`, because whoever was cut off is waited for."""
JITTER = 0.25
POLITE_S = 3.0
"""How long the server with the higher id leaves the first attempt to the other."""
FORGET_S = 60.0
"""A server that has not announced itself for so long is not tried."""
SERVERS_MOST = 256
ADDRESSES_MOST = 4
"""Of one announced server; the latest."""

Address = tuple[str, int]


class Attempt(Struct, frozen=True):
    """Connect to *host* and *port*. *server* is who announced itself there; empty if that was
    nobody, and the address is known by hand or from before."""

    host: str
    port: int
    server: str = ""


class _Target:
    """Something to connect to."""

    def __init__(self, not_before: float) -> None:
        self.not_before = not_before
        self.is_tried = False
        self.failures = 0
        self.has_lasted = False
        """Whether a link was there for longer than it takes to find a reason to close it."""

    def is_due(self, now: float) -> bool:
        return not self.is_tried and now >= self.not_before

    def is_linked(self, now: float, pause: float) -> None:
        """There is a link; if that lasts, what failed before is forgotten."""
        if self.is_due(now):
            self.failures = 0
            self.has_lasted = True
            self.not_before = now + pause


class _Known(_Target):
    def __init__(self, server: str, not_before: float) -> None:
        super().__init__(not_before)
        self.server = server
        """Who was there when it was last reached; empty if it never was."""


class _Announced(_Target):
    def __init__(self, not_before: float) -> None:
        super().__init__(not_before)
        self.addresses: list[Address] = []
        self.heard = 0.0
        self.tried = -ATTEMPT_S


class Dialer:
    """Decides for the server *me*; times are monotonic seconds, *chance* returns 0 ≤ x < 1."""

    def __init__(self, me: str, chance: Callable[[], float]) -> None:
        self._me = me
        self._chance = chance
        self._known: dict[Address, _Known] = {}
        self._announced: dict[str, _Announced] = {}
        self._ourselves: set[Address] = set()

    def remember(self, host: str, port: int, now: float, server: str = "") -> None:
        """There may be a server, perhaps *server*, at an address: it is tried for ever."""
        address = (host, port)
        if address not in self._known and address not in self._ourselves:
            self._known[address] = _Known(server, now)

    def forget(self, host: str, port: int) -> None:
        """Do not try an address any more that was remembered."""
        self._known.pop((host, port), None)

    def announced(self, server: str, host: str, port: int, now: float) -> None:
        """*server* says that it can be reached at an address."""
        if server == self._me:
            return
        known = self._announced.get(server)
        if known is None:
            self._expire(now)
            if len(self._announced) >= SERVERS_MOST:
                return
            known = self._announced[server] = _Announced(now + self._politeness(server))
        known.heard = now
        address = (host, port)
        if address not in known.addresses:
            # Somebody can announce again what they have overheard, from where they are. So the
            # address that was heard of before is not dropped for it, and all are tried in turn.
            known.addresses = [*known.addresses, address][-ADDRESSES_MOST:]

    def due(self, now: float, linked: Collection[str]) -> list[Attempt]:
        """Return what to try now; none is returned again before it has `ended`. *linked* are the
        servers that there is a link with."""
        self._expire(now)
        return [*self._due_announced(now, linked), *self._due_known(now, linked)]

    def ended(self, attempt: Attempt, now: float, server: str = "") -> None:
        """An attempt is over; if there is a link now it is with *server*."""
        target = self._target(attempt)
        if target is None:
            return
        # A link may be closed again at once, for a reason that stays. What has become of it
        # is seen when the pause is over.
        target.is_tried = False
        longest = ATTEMPT_S if target.has_lasted else BACKOFF_S[1]
        target.not_before = now + self._pause(target.failures, longest)
        target.failures += 1
        if server and isinstance(target, _Known):
            target.server = server

    def met_itself(self, attempt: Attempt) -> None:
        """This server itself is at the address that was tried."""
        self._known.pop((attempt.host, attempt.port), None)
        self._ourselves.add((attempt.host, attempt.port))

    def _target(self, attempt: Attempt) -> _Target | None:
        if attempt.server:
            return self._announced.get(attempt.server)
        return self._known.get((attempt.host, attempt.port))

    def _pause(self, failures: int, longest: float) -> float:
        pause = min(longest, BACKOFF_S[0] * 2.0 ** min(failures, 16))
        return pause * (1 - JITTER + 2 * JITTER * self._chance())

    def _due_announced(self, now: float, linked: Collection[str]) -> Iterator[Attempt]:
        for server, target in self._announced.items():
            if server in linked:
                # When it is lost, the lower id is again the first to try.
                target.is_linked(now, self._politeness(server))
            elif target.is_due(now) and now >= target.tried + ATTEMPT_S:
                target.is_tried, target.tried = True, now
                target.addresses.append(target.addresses.pop(0))
                yield Attempt(*target.addresses[-1], server)

    def _due_known(self, now: float, linked: Collection[str]) -> Iterator[Attempt]:
        for (host, port), target in self._known.items():
            if target.server and target.server in linked:
                target.is_linked(now, self._pause(0, ATTEMPT_S))
            elif target.is_due(now):
                target.is_tried = True
                yield Attempt(host, port)

    def _politeness(self, server: str) -> float:
        return POLITE_S if self._me > server else 0.0

    def _expire(self, now: float) -> None:
        old = [s for s, t in self._announced.items() if now - t.heard > FORGET_S and not t.is_tried]
        for server in old:
            del self._announced[server]
