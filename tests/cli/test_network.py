"""``tertulia invite``, ``join``, ``new-id``, ``servers`` and ``forget``."""

import io
import json
import sys

import pytest

from tertulia.cli import network
from tertulia.server.mesh.peers_file import PeersFile
from tertulia.server.mesh.secret import code_of, read_secrets, write_secrets
from tertulia.storage.database import server_id
from tests.cli.kit import ok, one_line
from tests.storage.kit import Disk

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")

ONE, TWO = bytes(32), bytes(31) + b"x"
SOUTH = {
    "name": "south.example", "id": "a" * 32, "state": "linked", "users": 2,
    "address": "192.0.2.1:7447", "latency_ms": 1.25, "lag": 3, "behind": 4, "queued": 2048,
}  # fmt: skip
EAST = {"name": "east", "id": "b" * 32, "state": "via", "via": "south.example", "users": 1}
WEST = {"name": "west\u001b[1m", "id": "c" * 32, "state": "away", "why": "it stopped"}
GONE = {"name": "gone", "id": "d" * 32, "state": "away", "users": 3}


@pytest.fixture
def given(monkeypatch):
    """Puts something on standard input."""

    def given(data):
        data = data if isinstance(data, bytes) else data.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return given


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(network, "own_addresses", lambda: ["192.0.2.9", "fd00::9"])
    monkeypatch.setattr(network, "LINK_S", 0.5)


@pytest.fixture
def data(tmp_path):
    """The data of a server that does not run."""
    Disk(tmp_path).close()
    write_secrets(tmp_path / "network.secret", [ONE])
    return tmp_path


def told(path, *servers, health="ok"):
    network = {"health": health, "ports": [7450], "secret_file": str(path), "servers": servers}
    return ok(network)


# invite


def test_the_code_of_a_server_that_does_not_run(run, data):
    status, out, err = run("invite", data=data)
    assert (status, out) == (0, code_of(ONE) + "\n")
    assert "tertulia join --peer 192.0.2.9:7447" in err
    assert "[fd00::9]:7447" in err
    assert all(line.startswith("#") for line in err.splitlines())


def test_of_one_that_runs(run, listener, tmp_path):
    path = tmp_path / "elsewhere"
    write_secrets(path, [TWO, ONE])
    listener.answers = [told(path)]
    status, out, _ = run("invite", "--json")
    assert status == 0
    assert json.loads(out) == {
        "code": code_of(TWO),
        "addresses": ["192.0.2.9:7450", "[fd00::9]:7450"],
    }


def test_a_secret_is_made_if_there_is_none(run, data):
    (data / "network.secret").unlink()
    status, out, _ = run("invite", data=data)
    assert status == 0
    assert out.strip() == code_of(*read_secrets(data / "network.secret"))


def test_a_new_secret(run, data):
    status, out, err = run("invite", "--rotate", data=data)
    assert status == 0
    new, old = read_secrets(data / "network.secret")
    assert (out, old) == (code_of(new) + "\n", ONE)
    assert "join --rotate" in err


def test_a_server_that_looks_for_no_others(run, listener, tmp_path):
    listener.answers = [told(tmp_path / "none", health=None)]
    assert "--listen mesh://" in one_line(run("invite"), 2)


def test_without_data_there_is_nobody_to_invite_to(run, tmp_path):
    assert "no server's data" in one_line(run("invite", data=tmp_path), 2)


def test_a_file_that_others_may_read(run, data):
    (data / "network.secret").chmod(0o644)
    assert "chmod 600" in one_line(run("invite", data=data), 2)


# join


def test_before_the_first_start(run, given, tmp_path):
    given(code_of(TWO) + "\n")
    there = tmp_path / "new"
    status, out, err = run("join", "--peer", "one:1", "--peer", "[fd00::1]", data=there)
    assert (status, err) == (0, "")
    assert "when the server starts" in out
    assert read_secrets(there / "network.secret") == [TWO]
    assert set(PeersFile(there / "peers.json", 0).addresses) == {("one", 1), ("fd00::1", 7447)}


@pytest.mark.parametrize(
    ("words", "after"), [([], [TWO]), (["--rotate"], [TWO, ONE]), (["--finish"], [ONE])]
)
def test_where_the_server_does_not_run(run, given, data, words, after):
    given(code_of(TWO).lower())
    assert run("join", *words, data=data)[0] == 0
    assert read_secrets(data / "network.secret") == after


def test_the_secret_is_where_the_settings_say(run, given, tmp_path):
    config = tmp_path / "tertulia.toml"
    config.write_text(f"[network]\nsecret_file = '{tmp_path / 'secret'}'")
    given(code_of(TWO))
    assert run("join", "--config", str(config), data=tmp_path / "new")[0] == 0
    assert read_secrets(tmp_path / "secret") == [TWO]


def test_settings_that_are_wrong(run, given, tmp_path):
    config = tmp_path / "tertulia.toml"
    config.write_text("[network]\npeers = ['one:x']")
    given(code_of(TWO))
    assert "network.peers" in one_line(run("join", "--config", str(config), data=tmp_path), 2)


def test_a_running_server_is_told(run, listener, given, tmp_path):
    path = tmp_path / "secret"
    write_secrets(path, [ONE])
    given(code_of(TWO))
    listener.answers = [told(path), ok("in use"), told(path, WEST), told(path, SOUTH)]
    assert run("join", "--rotate", "--peer", "one:1") == (0, "linked with south.example\n", "")
    request = {"do": "join", "secrets": [TWO.hex(), ONE.hex()], "peers": ["one:1"]}
    assert listener.asked[1] == request
    # It writes the file itself, so that it can read it.
    assert read_secrets(path) == [ONE]


def test_nobody_may_be_there_yet(run, listener, given, tmp_path):
    given(code_of(TWO))
    listener.answers = [told(tmp_path / "secret"), ok("in use"), *[told(tmp_path)] * 100]
    status, out, _ = run("join")
    assert status == 0
    assert "tertulia servers" in out


def test_what_a_server_refuses(run, listener, given, tmp_path):
    given(code_of(TWO))
    listener.answers = [told(tmp_path / "secret"), b'{"error":"No"}\n']
    assert one_line(run("join"), 1) == "No"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "tertulia invite"),
        ("hello", "5 letters"),
        (code_of(TWO)[:-1] + "Z", "mistyped"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_a_wrong_code_changes_nothing(run, given, data, text, words):
    given(text)
    assert words in one_line(run("join", data=data), 2)
    assert read_secrets(data / "network.secret") == [ONE]


@pytest.mark.parametrize(
    "words",
    [["--peer", "one:x"], ["--peer", "fd00::1"], ["--finish", "--rotate"],
     ["--finish", "--peer", "one"]],
)  # fmt: skip
def test_what_makes_no_sense(run, given, data, words):
    given(code_of(TWO))
    assert "--" in one_line(run("join", *words, data=data), 2)
    assert read_secrets(data / "network.secret") == [ONE]


# new-id


def test_a_copy_gets_an_id_of_its_own(run, data):
    for name in ("mesh.crt", "mesh.key"):
        (data / name).touch()
    disk = Disk(data)
    old = server_id(disk.db)
    disk.close()
    status, out, _ = run("new-id", data=data)
    disk = Disk(data)
    assert (status, server_id(disk.db).hex() in out) == (0, True)
    assert server_id(disk.db) != old
    assert not {"mesh.crt", "mesh.key"} & {path.name for path in data.iterdir()}
    assert (data / "network.secret").exists()
    disk.close()


def test_not_while_the_server_runs(run, data):
    from tertulia.storage.lock import locked

    with locked(data):
        assert "another server uses" in one_line(run("new-id", data=data), 2)
    assert "no server's data" in one_line(run("new-id", data=data / "none"), 2)


# servers, forget


def test_servers(run, listener):
    listener.answers = [told("x", EAST, GONE, SOUTH, WEST, health="degraded")]
    status, out, _ = run("servers")
    assert status == 0
    head, east, gone, south, west, health = out.splitlines()
    assert head.split() == [
        "SERVER", "STATE", "LATENCY", "MISSING", "QUEUED", "USERS", "ADDRESS", "ID",
    ]  # fmt: skip
    assert east.startswith("east           via south.example       -        0")
    assert "cut off" in gone
    assert "linked" in south
    assert "1.2 ms   3 here, 4 there  2.0 KiB  2      192.0.2.1:7447" in south
    assert west.startswith("west[1m        not linked: it stopped")
    assert health.startswith("degraded: ")


def test_servers_as_json(run, listener):
    listener.answers = [told("x", SOUTH, WEST)]
    _, out, _ = run("servers", "--json")
    south, west = map(json.loads, out.splitlines())
    assert south == {**SOUTH, "via": None, "why": None}
    assert west["state"] == "away"


@pytest.mark.parametrize(("health", "words"), [(None, "alone"), ("ok", "no other server")])
def test_no_servers(run, listener, health, words):
    listener.answers = [told("x", health=health)]
    status, out, _ = run("servers")
    assert (status, words in out, out.count("\n")) == (0, True, 1)


def test_forget(run, listener):
    listener.answers = [ok("west is forgotten")]
    assert run("forget", "west") == (0, "west is forgotten\n", "")
    assert listener.asked == [{"do": "forget", "server": "west"}]
