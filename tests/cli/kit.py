"""The program run in the test's own process."""

import sys
import time

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
