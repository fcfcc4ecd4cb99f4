"""What the operator is told of other servers, and may not do about them."""

from pathlib import Path
from typing import Any

import pytest

from tertulia.domain.servers import ServerStatus
from tertulia.replication.interface import Health
from tertulia.server import control_messages as m
from tertulia.server.mesh.desk import NetworkDesk, Refused
from tertulia.server.mesh.peers_file import PeersFile
from tertulia.server.mesh.secret import read_secrets

A, B, C = "a" * 32, "b" * 32, "c" * 32


class Mesh:
    """What the desk asks of a mesh."""

    def __init__(self, folder: Path) -> None:
        self.begun = True
        self.ports = [7447]
        self.unmet = {"one.example:7447": "nobody"}
        self.secret_file = folder / "network.secret"
        self.peers = PeersFile(folder / "peers.json", 0)
        self.used: list[Any] = []
        self.looked: list[Any] = []

    def health(self) -> Health:
        return Health.DEGRADED

    def use_secrets(self, these: list[bytes]) -> None:
        self.used.append(these)

    def look_at(self, host: str, port: int) -> None:
        self.looked.append((host, port))

    def forget(self, server: str) -> str:
        return self.peers.forget(server).name


class Hub:
    def __init__(self) -> None:
        self.statuses = [
            ServerStatus(
                server=A, name="south", reachable=True, linked=True, users=2,
                address="192.0.2.1:7447", latency_s=0.00123, lag=1, behind=2, queued=3,
            ),
            ServerStatus(server=B, name="east", reachable=True, linked=False, via=A),
            ServerStatus(server=C, name="west", reachable=False, linked=False, via=A, why="it is"),
        ]  # fmt: skip

    def servers(self) -> list[ServerStatus]:
        return self.statuses


@pytest.fixture
def mesh(tmp_path):
    return Mesh(tmp_path)


@pytest.fixture
def desk(mesh):
    hub: Any = Hub()
    return NetworkDesk(hub, mesh)


def test_what_there_is(desk, mesh):
    network = desk.network()
    assert (network.health, network.ports) == ("degraded", (7447,))
    assert network.secret_file == str(mesh.secret_file)
    east, unmet, south, west = network.servers
    assert (east.state, east.via) == ("via", "south")
    assert (unmet.name, unmet.id, unmet.state, unmet.why) == (
        "one.example:7447", "", "away", "nobody",
    )  # fmt: skip
    assert (south.state, south.latency_ms, south.users) == ("linked", 1.2, 2)
    assert (south.lag, south.behind, south.queued) == (1, 2, 3)
    assert (west.state, west.via, west.why) == ("away", None, "it is")
    assert desk.reachable() == 2


async def test_a_secret_is_written_and_used(desk, mesh):
    request = m.Join(("ab" * 32, "cd" * 32), ("one.example", "[fd00::1]:1"))
    assert await desk.join(request)
    expected = [bytes.fromhex("ab" * 32), bytes.fromhex("cd" * 32)]
    assert read_secrets(mesh.secret_file) == expected
    assert mesh.used == [expected]
    assert mesh.looked == [("one.example", 7447), ("fd00::1", 1)]


@pytest.mark.parametrize(
    ("secrets", "peers", "words"),
    [
        ((), (), "64 hexadecimal"),
        (("ab",), (), "64 hexadecimal"),
        (("AB" * 32,), (), "64 hexadecimal"),
        (("ab" * 32,) * 3, (), "one or two"),
        (("ab" * 32,), ("one:x",), "port"),
    ],
)
async def test_what_is_no_secret_and_no_address(desk, mesh, secrets, peers, words):
    with pytest.raises(Refused, match=words):
        await desk.join(m.Join(secrets, peers))
    assert not mesh.secret_file.exists()
    assert mesh.used == []


async def test_where_it_cannot_be_written(desk, mesh):
    mesh.secret_file = mesh.secret_file / "nowhere"
    with pytest.raises(Refused, match="cannot write"):
        await desk.join(m.Join(("ab" * 32,)))
    assert mesh.used == []


async def test_a_server_that_looks_for_no_others_needs_an_address(desk, mesh):
    mesh.begun = False
    with pytest.raises(Refused, match="--peer"):
        await desk.join(m.Join(("ab" * 32,)))
    assert await desk.join(m.Join(("ab" * 32,), ("one",)))


def test_forgetting(desk, mesh):
    for server, name in ((A, "south"), (B, "east"), (C, "west"), ("d" * 32, "west")):
        mesh.peers.met(server, name, 0)
    with pytest.raises(Refused, match="no server nowhere"):
        desk.forget(m.Forget("nowhere"))
    with pytest.raises(Refused, match="linked"):
        desk.forget(m.Forget("south"))
    with pytest.raises(Refused, match="give the id"):
        desk.forget(m.Forget("west"))
    assert "west" in desk.forget(m.Forget(C))
    assert mesh.peers.servers.keys() == {A, B, "d" * 32}
