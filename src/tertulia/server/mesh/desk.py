"""What the operator is told of other servers, and does about them."""

from __future__ import annotations

import asyncio
import re

import structlog

from tertulia.domain.errors import ChatError
from tertulia.domain.servers import ServerStatus
from tertulia.server import control_messages as m
from tertulia.server.hub import Hub
from tertulia.server.mesh.secret import SECRETS_MOST, write_secrets
from tertulia.server.mesh.service import Mesh
from tertulia.server.peer_address import peer_address
from tertulia.server.settings import SettingsError

logger = structlog.get_logger()

_SECRET = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Refused(ChatError):
    """What the operator wants of the network cannot be done; ``str(error)`` says why."""


class NetworkDesk:
    """Answers the operator about *mesh*."""

    def __init__(self, hub: Hub, mesh: Mesh) -> None:
        self._hub = hub
        self._mesh = mesh

    def health(self) -> m.Health | None:
        """Return how this server is connected with others."""
        health = self._mesh.health()
        return None if health is None else health.value

    def reachable(self) -> int:
        """Return how many other servers can be reached."""
        return sum(server.reachable for server in self._hub.servers())

    def network(self) -> m.Network:
        """Return what there is."""
        servers = self._hub.servers()
        names = {server.server: server.name for server in servers}
        rows = [_row(server, names.get(server.via)) for server in servers]
        rows += [
            m.ServerRow(name=address, id="", state="away", why=why, address=address)
            for address, why in self._mesh.unmet.items()
        ]
        return m.Network(
            health=self.health(),
            ports=tuple(self._mesh.ports),
            secret_file=str(self._mesh.secret_file.absolute()),
            servers=tuple(sorted(rows, key=lambda row: (row.name, row.id))),
        )

    async def join(self, request: m.Join) -> str:
        """Be in the network with these secrets. Raises `Refused`."""
        if not 1 <= len(request.secrets) <= SECRETS_MOST or not all(
            _SECRET.fullmatch(secret) for secret in request.secrets
        ):
            raise Refused("A secret has 64 hexadecimal digits, and there are one or two")
        try:
            addresses = [peer_address(peer) for peer in request.peers]
        except ValueError as error:
            raise Refused(f"That is not the address of a server: {error}") from error
        if not addresses and not self._mesh.begun:
            raise Refused(
                "This server looks for no others: start it with --listen mesh://, or say with"
                " --peer where one is"
            )
        secrets = [bytes.fromhex(secret) for secret in request.secrets]
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(None, write_secrets, self._mesh.secret_file, secrets)
            for address in addresses:
                self._mesh.look_at(*address)
            self._mesh.use_secrets(secrets)
        except SettingsError as error:
            raise Refused(f"The server cannot do that: {error}") from error
        logger.info("the network's secret was given", secrets=len(secrets))
        return "The secret is in use"

    def forget(self, request: m.Forget) -> str:
        """Know nothing any more of a server. Raises `Refused`."""
        known = self._mesh.peers
        found = [] if known is None else known.named(request.server)
        if not found:
            raise Refused(f"There is no server {request.server} that is remembered")
        if len(found) > 1:
            raise Refused(f"{request.server} is the name of {', '.join(found)}: give the id")
        if any(one.linked for one in self._hub.servers() if one.server == found[0]):
            raise Refused(f"{request.server} is linked; put it in network.banned, or stop it")
        return f"{self._mesh.forget(found[0])} is forgotten"


def _row(server: ServerStatus, via: str | None) -> m.ServerRow:
    latency = server.latency_s
    return m.ServerRow(
        name=server.name,
        id=server.server,
        state="linked" if server.linked else "via" if server.reachable else "away",
        via=via if server.reachable and not server.linked else None,
        why=server.why or None,
        users=server.users,
        address=server.address or None,
        latency_ms=None if latency is None else round(latency * 1000, 1),
        lag=server.lag,
        behind=server.behind,
        queued=server.queued,
    )
