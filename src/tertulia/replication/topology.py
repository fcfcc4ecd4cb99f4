"""Who is linked to whom, by what each server says of itself, and who is reached over whom.

A server says its links again, with a higher count, whenever they change; others pass it on. A
link counts if both ends say it, so that a server that is lost is lost as soon as those next to
it have noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from tertulia.replication.bounds import Unacceptable, check_epoch, is_name, is_server_id
from tertulia.replication.messages import LinkState

SERVERS_MOST = 1024
LINKS_MOST = 256
COUNT_END = 1 << 62
GONE_COUNT = COUNT_END - 1
"""That of the last state of a server in an epoch; whoever heard its goodbye says it for it."""


class Topology:
    """The network, seen from the server *me*."""

    def __init__(self, me: str, epoch: int, process: str, name: str) -> None:
        self._me = me
        self.own = LinkState(epoch, 0, process, name, [])
        self._states: dict[str, LinkState] = {}
        self._neighbours: frozenset[str] = frozenset()
        self._hops: dict[str, tuple[str, ...]] | None = None

    def state(self, server: str) -> LinkState | None:
        """Return what *server* last said of itself."""
        return self._states.get(server)

    def set_neighbours(self, servers: Iterable[str]) -> bool:
        """This server is directly linked to *servers*, and nobody else; return if that is new."""
        fresh = frozenset(servers)
        if fresh == self._neighbours:
            return False
        self._neighbours = fresh
        self.own = replace(self.own, count=self.own.count + 1, links=sorted(fresh))
        self._hops = None
        return True

    def learn(self, server: str, state: LinkState) -> bool:
        """Take what *server* said of itself; return if it is new. Raises `Unacceptable`."""
        _check(server, state)
        known = self._states.get(server)
        if known is not None and (state.epoch, state.count) <= (known.epoch, known.count):
            return False
        if server == self._me or (known is None and not self._has_room()):
            return False
        self._states[server] = state
        self._hops = None
        return True

    def say_gone(self, server: str, epoch: int, process: str, name: str) -> bool:
        """*server* said goodbye; return if that is new."""
        return self.learn(server, LinkState(epoch, GONE_COUNT, process, name, [], gone=True))

    def hops(self) -> Mapping[str, tuple[str, ...]]:
        """Return who can be reached, each with the neighbours on the shortest ways."""
        if self._hops is None:
            self._hops = self._search()
        return self._hops

    def _has_room(self) -> bool:
        if len(self._states) < SERVERS_MOST:
            return True
        reachable = self.hops()
        for server in [server for server in self._states if server not in reachable]:
            del self._states[server]
        return len(self._states) < SERVERS_MOST

    def _search(self) -> dict[str, tuple[str, ...]]:
        """Breadth first, a ring of servers at a time."""
        ring = sorted(self._neighbours)
        hops: dict[str, tuple[str, ...]] = {server: (server,) for server in ring}
        while ring:
            found: dict[str, set[str]] = {}
            for server in ring:
                for other in self._linked_with(server):
                    if other != self._me and other not in hops:
                        found.setdefault(other, set()).update(hops[server])
            hops.update((server, tuple(sorted(ways))) for server, ways in found.items())
            ring = sorted(found)
        return hops

    def _linked_with(self, server: str) -> Iterable[str]:
        state = self._states.get(server)
        for other in () if state is None else state.links:
            back = self._states.get(other)
            if back is not None and server in back.links:
                yield other


def _check(server: str, state: LinkState) -> None:
    check_epoch(state.epoch)
    if not (0 <= state.count < COUNT_END and len(state.links) <= LINKS_MOST):
        raise Unacceptable("the state of a server's links is out of range")
    if not all(map(is_server_id, (server, state.process, *state.links))):
        raise Unacceptable("a server is named by 32 hexadecimal digits")
    if not is_name(state.name):
        raise Unacceptable("the name of a server cannot be shown")
