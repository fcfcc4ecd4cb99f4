"""What the log says of links that do not come about."""

from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from tertulia.replication.announcement import Foreign
from tertulia.replication.handshake import Refused
from tertulia.server.mesh import reports as mesh_reports
from tertulia.server.mesh.reports import FOREIGN_MOST, Reports


def link_of(initiated, port=7447) -> Any:
    peer = SimpleNamespace(name="south")
    address = f"192.0.2.1:{port}"
    return SimpleNamespace(initiated=initiated, host="192.0.2.1", address=address, peer=peer)


@pytest.fixture
def log(monkeypatch):
    monkeypatch.setattr(mesh_reports, "logger", structlog.get_logger())
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.mark.parametrize(
    ("why", "level", "words"),
    [
        ("secret", "warning", "tertulia invite"),
        ("double", "error", "one id"),
        ("pin", "warning", "because"),
        ("banned", "warning", "because"),
        ("version", "warning", "because"),
    ],
)
@pytest.mark.parametrize("initiated", [True, False])
def test_a_refusal_is_said_once(log, why, level, words, initiated):
    reports = Reports()
    for port in range(5):
        link = link_of(initiated, 7447 if initiated else port)
        reports.refused(link, Refused(why, "because"))
    [line] = log
    assert line["log_level"] == level
    assert words in repr(line)
    reports.linked(link_of(initiated), "north")
    reports.refused(link_of(initiated), Refused(why, "because"))
    assert len(log) == 2


def test_who_scans_for_ports_is_of_no_interest(log):
    Reports().refused(link_of(False), Refused("protocol", "nonsense"))
    assert [line["log_level"] for line in log] == ["debug"]
    Reports().refused(link_of(True), Refused("protocol", "nonsense"))
    Reports().refused(link_of(False), Refused("protocol", "refused there", by_peer=True))
    assert [line["log_level"] for line in log[1:]] == ["warning", "warning"]


def test_addresses_from_the_settings_are_a_warning(log):
    reports = Reports()
    for _ in range(2):
        reports.unreachable("one:1", "nobody", True)
        reports.unreachable("two:2", "nobody", False)
        reports.at_the_door("192.0.2.9", "too many")
    assert [line["log_level"] for line in log] == ["warning", "info", "info"]


def test_servers_of_other_networks_are_told_once_each_and_not_without_end(log):
    reports = Reports()
    for _ in range(2):
        for n in range(FOREIGN_MOST + 10):
            reports.foreign(Foreign(f"{n:032x}", f"server {n}"), "fe80::1%eth0")
    assert len(log) == FOREIGN_MOST
    assert "tertulia join" in log[0]["remedy"]
    assert log[0]["name"] == "server 0"


def test_two_servers_of_one_name_are_a_warning(log):
    reports = Reports()
    for _ in range(3):
        reports.linked(link_of(True), "south")
    assert [line["log_level"] for line in log] == ["warning"]
    assert "server.name" in log[0]["event"]
