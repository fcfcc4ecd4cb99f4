"""What the log says of links with other servers, and of those that do not come about.

Attempts are made again and again: nothing is said twice in a row of the same server.
"""

from __future__ import annotations

import structlog

from tertulia.replication.announcement import Foreign
from tertulia.replication.handshake import Refused
from tertulia.server.complaints import Complaints
from tertulia.server.mesh.link import MeshLink

logger = structlog.get_logger()

FOREIGN_MOST = 64
"""Of so many servers of other networks it is said that they are there."""
HOW_TO_LINK = "to share one chat, run tertulia invite on one of them and tertulia join on the other"


class Reports:
    """Says what happens to connections with other servers."""

    def __init__(self) -> None:
        self._complaints = Complaints()
        self._foreign: set[str] = set()

    def refused(self, link: MeshLink, result: Refused) -> None:
        """The handshake at *link* failed."""
        # The port of one who came in is another one each time.
        whom = link.address if link.initiated else link.host
        say, text, more = logger.warning, "no link with a server", {}
        if result.why == "protocol" and not link.initiated and not result.by_peer:
            # Who scans for open ports is of no interest.
            say = logger.debug
        elif result.why == "double":
            say, text = logger.error, "two servers have one id"
        elif result.why == "secret":
            text, more = "no link with a server of another network", {"remedy": HOW_TO_LINK}
        self._complaints.about(
            whom,
            result.why,
            # What the other end says of itself is no reason to say it again.
            result.text if link.initiated else "",
            lambda: say(text, address=link.address, reason=result.text, **more),
        )

    def unreachable(self, address: str, reason: str, is_configured: bool) -> None:
        """Nobody was met at *address*; that is to be expected of one that is remembered."""
        say = logger.warning if is_configured else logger.info
        self._complaints.about(
            address,
            "unreachable",
            reason,
            lambda: say("no link with a server", address=address, reason=reason),
        )

    def at_the_door(self, address: str, reason: str) -> None:
        """Somebody who came from *address* did not get as far as the handshake."""
        self._complaints.about(
            address,
            "door",
            reason,
            lambda: logger.info("connection refused", address=address, reason=reason),
        )

    def linked(self, link: MeshLink, own_name: str) -> None:
        """There is a link: what was wrong is over."""
        for whom in (link.host, link.address):
            self._complaints.over(whom)
        if link.peer.name == own_name:
            self._complaints.about(
                "",
                "name",
                own_name,
                lambda: logger.warning(
                    "another server has the name of this one; set server.name", name=own_name
                ),
            )

    def foreign(self, said: Foreign, host: str) -> None:
        """A server of another network announces itself; anyone can say that they are many."""
        if said.server in self._foreign or len(self._foreign) >= FOREIGN_MOST:
            return
        self._foreign.add(said.server)
        logger.info(
            "a server of another network is near", name=said.name, address=host, remedy=HOW_TO_LINK
        )
