"""The program run in the test's own process."""

import json
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from tertulia.cli import main as program
from tertulia.domain.channels import Channel
from tertulia.domain.ids import Conversation, msgid
from tertulia.domain.names import ChannelName, Number
from tertulia.storage.records import add_channel
from tests.storage.kit import TEA, Disk

DAY_MS = 86_400_000
NOON_MS = 1_700_000_000_000 // DAY_MS * DAY_MS + DAY_MS // 2  # 2023-11-14, 12:00 UTC
COFFEE = Conversation(6000)


def disk_in(folder):
    """A database with the channels #Tea and #coffee."""
    disk = Disk(folder)
    for name, where in (("#Tea", TEA), ("#coffee", COFFEE)):
        channel = Channel(ChannelName.parse(name), Number("1" + "0" * 12), where, 0)
        channel.origin = msgid(0, where)
        add_channel(disk.db, channel)
    return disk


def set_zone(monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()


class Program:
    """Runs the program with its data in *data*; returns its status and what it printed."""

    def __init__(self, monkeypatch, capsys, data):
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.data = data

    def __call__(self, *words, data=None):
        argv = ["tertulia", *words, "--data", str(data or self.data)]
        self._monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as raised:
            program()
        out, err = self._capsys.readouterr()
        return raised.value.code, out, err

    def refusal(self, *words, data=None):
        """Return the one line on standard error."""
        status, out, err = self(*words, data=data)
        assert (status, out) == (2, ""), err
        [line] = err.splitlines()
        return line.removeprefix("tertulia: ")


class Listener:
    """A server that answers what it is told to, and keeps what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers: list[bytes] = []
        self.asked: list[dict] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(folder / "control"))
        self._socket.listen()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                for answer in self.answers:
                    if not (line := file.readline()):
                        break
                    self.asked.append(json.loads(line))
                    file.write(answer)
                    file.flush()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()


def ok(value):
    return json.dumps({"ok": value}).encode() + b"\n"


def one_line(result, status):
    """The one line on standard error of a command that ended so."""
    assert result[0] == status
    assert result[1] == ""
    [line] = result[2].splitlines()
    assert line.startswith("tertulia: ")
    return line.removeprefix("tertulia: ")
