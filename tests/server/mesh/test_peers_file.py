"""Who was linked with this server, and where."""

import json
import stat
from collections.abc import Callable

import pytest
import structlog

from tertulia.server.mesh import peers_file
from tertulia.server.mesh.peers_file import ADDRESSES_MOST, FORGET_S, SERVERS_MOST, PeersFile

A, B = "a" * 32, "b" * 32
PIN = bytes(range(32))
NOW = 1_700_000_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "peers.json"


def again(path, now=NOW):
    return PeersFile(path, now)


def test_what_was_met_is_there_after_a_restart(path):
    file = again(path)
    file.look_at(("192.0.2.1", 7447))
    file.look_at(("192.0.2.9", 7447))
    file.met(A, "north", NOW, ("192.0.2.1", 7447), PIN)
    file.met(B, "south", NOW)
    found = again(path)
    assert found.servers == file.servers
    assert (found.servers[A].name, found.servers[A].addresses) == ("north", [("192.0.2.1", 7447)])
    assert found.addresses == [("192.0.2.9", 7447)]
    assert found.pins() == {A: PIN}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(json.loads(path.read_text())) == {"servers", "addresses"}


def test_the_certificate_is_that_of_the_first_time(path):
    file = again(path)
    file.met(A, "north", NOW, pin=PIN)
    file.met(A, "north", NOW, pin=PIN[::-1])
    assert file.pins() == {A: PIN}


def test_the_latest_addresses_are_kept(path):
    file = again(path)
    for n in [1, 2, 1, 3, 4, 5]:
        file.met(A, "north", NOW, ("192.0.2.1", n))
    assert [port for _, port in file.servers[A].addresses] == [5, 4, 3, 1][:ADDRESSES_MOST]


def test_who_was_not_there_for_long_is_forgotten(path):
    file = again(path)
    file.met(A, "north", NOW)
    file.met(B, "south", NOW + 10)
    assert again(path, NOW + FORGET_S).servers.keys() == {B}


def test_there_are_not_too_many(path):
    file = PeersFile(path, NOW, run=lambda write: None)
    for n in range(SERVERS_MOST + 5):
        file.met(f"{n:032x}", "x", NOW + n)
    assert len(file.servers) == SERVERS_MOST
    assert f"{0:032x}" not in file.servers


def test_by_name_or_id(path):
    file = again(path)
    for server, name in ((A, "north"), (B, "south"), ("c" * 32, "south")):
        file.met(server, name, NOW)
    assert file.named("north") == file.named(A) == [A]
    assert len(file.named("south")) == 2
    assert file.named("west") == []


def test_what_is_forgotten_is_forgotten(path):
    file = again(path)
    file.met(A, "north", NOW, ("192.0.2.1", 1), PIN)
    assert file.forget(A).addresses == [("192.0.2.1", 1)]
    assert again(path).servers == {}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"servers": 1}', '{"servers": {"a": {"name": "x", "seen_s": 1, "pin": "zz"}}}',
     '{"addresses": [["h"]]}'],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_a_warning(path, text):
    path.write_text(text)
    with structlog.testing.capture_logs() as logs:
        file = again(path)
    assert (file.servers, file.addresses) == ({}, [])
    assert [line["log_level"] for line in logs] == ["warning"]


def test_a_disk_that_takes_nothing_is_one_warning(path, monkeypatch):
    def full(_path, _data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(peers_file, "write_file", full)
    with structlog.testing.capture_logs() as logs:
        file = again(path)
        file.met(A, "north", NOW)
        file.met(B, "south", NOW)
    assert [line["log_level"] for line in logs] == ["warning"]
    assert file.servers.keys() == {A, B}


def test_it_is_written_where_it_is_wanted(path):
    jobs: list[Callable[[], None]] = []
    file = PeersFile(path, NOW, jobs.append)
    file.met(A, "north", NOW)
    assert not path.exists()
    for job in jobs:
        job()
    assert again(path).servers.keys() == {A}
