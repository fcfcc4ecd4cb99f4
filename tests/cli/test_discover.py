"""tertulia discover: what it prints."""

import json
import sys

import pytest

from tertulia.cli import discover as module
from tertulia.cli import main as program
from tertulia.cli.tables import width
from tertulia.client.servers import Found
from tertulia.protocols.announcement import Card

# It is ours to call it as the program does.
pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked without tokens")

ID = "0123456789abcdef" * 2
TEA = Found(
    Card(
        name="tea.example",
        network="Tea",
        version="1.0",
        server_id=ID,
        ports={"irc": 6667, "rech": 4242},
        users=3,
    ),
    ["192.0.2.2", "fe80::2%eth0"],
)
UNKNOWN = Found(Card(name="", ports={"rech": 4243}), ["fd00::3"])


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command on a network on which these servers are found."""

    def run(*words, servers=(), warnings=()):
        async def find_servers(timeout_s, warn):
            for text in warnings:
                warn(text)
            for server in servers:
                yield server

        monkeypatch.setattr(module, "find_servers", find_servers)
        monkeypatch.setattr(sys, "argv", ["tertulia", "discover", *words])
        with pytest.raises(SystemExit) as raised:
            program()
        out, err = capsys.readouterr()
        return raised.value.code, out, err

    return run


def test_a_table(run):
    status, out, err = run(servers=[TEA, UNKNOWN])
    assert (status, err) == (0, "")
    assert len(out.splitlines()[0]) <= 80
    head, tea, unknown = (line.split() for line in out.splitlines())
    assert head == ["NAME", "USERS", "ADDRESSES", "PROTOCOLS"]
    assert tea == ["tea.example", "3", "192.0.2.2", "fe80::2%eth0", "irc=6667", "rech=4242"]
    assert unknown == ["?", "?", "fd00::3", "rech=4243"]


def test_names_of_any_width_are_aligned_and_do_nothing_to_a_terminal(run):
    names = ("tea", "茶の間", "👩\u200d🚀", "\u202eaet", "e\u0301")
    servers = [Found(Card(name=name, ports={"irc": 6667}), ["192.0.2.2"]) for name in names]
    _, out, _ = run(servers=servers)
    head, *lines = out.splitlines()
    assert {width(line[: line.index("irc=")]) for line in lines} == {head.index("PROTOCOLS")}
    assert "\u202e" not in out


def test_an_object_a_line(run):
    status, out, _ = run("--json", servers=[TEA, UNKNOWN])
    assert status == 0
    tea, unknown = map(json.loads, out.splitlines())
    assert tea == {
        "name": "tea.example",
        "network": "Tea",
        "version": "1.0",
        "id": ID,
        "users": 3,
        "ports": {"irc": 6667, "rech": 4242},
        "addresses": ["192.0.2.2", "fe80::2%eth0"],
    }
    assert unknown == {
        **dict.fromkeys(tea),
        "ports": {"rech": 4243},
        "addresses": ["fd00::3"],
    }


def test_nothing_found(run):
    assert run() == (1, "", "no server found\n")
    assert run("--json") == (1, "", "no server found\n")


def test_a_warning_is_a_line_beside_what_is_found(run):
    status, out, err = run("--json", servers=[TEA], warnings=["port 1900 is taken"])
    assert status == 0
    assert err == "tertulia: port 1900 is taken\n"
    assert len(out.splitlines()) == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "3601", "inf"])
def test_a_wrong_time(run, seconds):
    status, out, err = run("--timeout", seconds)
    assert (status, out) == (2, "")
    assert err.startswith(f"tertulia: --timeout {seconds}: must be ")
    assert len(err.splitlines()) == 1
