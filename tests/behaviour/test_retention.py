"""Messages that are no longer kept: who looks for them is told, on whatever server."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from tertulia.server import app, retention
from tertulia.server.settings import ChannelSettings, HistorySettings, Settings
from tertulia.storage.database import connect
from tests.behaviour.irc_clients import Ircv3Client
from tests.behaviour.networks import SECRET, data_of, linked, named, until
from tests.behaviour.operators import operator_of
from tests.behaviour.places import running
from tests.behaviour.text_clients import ChatRoomClient

TEA = "#tea"
DAY_MS = 86_400_000
KEPT = "Some of what was said before that is no longer kept"


@pytest.fixture
async def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server's data, with a message that is forty days old."""
    monkeypatch.setattr(retention, "PAUSE_S", 0)
    data = data_of(tmp_path, "north", SECRET)
    with monkeypatch.context() as then:
        then.setattr(app, "_wall_ms", lambda: time.time_ns() // 1_000_000 - 40 * DAY_MS)
        async with running(data, north(), ("irc",)) as place:
            ana = await place.irc("ana")
            await ana.enter(TEA)
            ana.say(TEA, "long ago")
            await ana.fence()
    return data


def north(*peers: int, keep_days: int = 0) -> Settings:
    """Return the settings of a server where channels outlive forty days without anybody."""
    return replace(
        named("north", *peers),
        channels=ChannelSettings(grace_s=400 * 86_400),
        history=HistorySettings(keep_days=keep_days, search=False, text_logs=False),
    )


async def asked(client: Ircv3Client) -> tuple[list[str], list[str]]:
    """Return what the history of #tea shows, and what is told besides."""
    texts = [line.params[-1] for line in await client.history(TEA) if line.command == "PRIVMSG"]
    await client.fence_ahead()
    return texts, [seen.raw.params[-1] for seen in client.seen if seen.raw.command == "NOTE"]


async def dropped(data: Path) -> None:
    """Wait until what is old has gone from the disk."""
    with closing(connect(data / "tertulia.db", read_only=True)) as db:
        query = "SELECT count(*) FROM event WHERE body LIKE '%long ago%'"
        await until(lambda: not db.execute(query).get, "old messages were dropped")


async def test_who_looks_back_is_told_that_more_was_said(data: Path) -> None:
    async with running(data, north(), ("irc",)) as place:
        ana = await place.ircv3("ana")
        await ana.enter(TEA)
        assert await asked(ana) == (["long ago"], [])
    async with running(data, north(keep_days=30), ("irc", "chatroom")) as place:
        await dropped(data)
        ana, rui = await place.ircv3("ana"), await place.come(ChatRoomClient, "rui")
        await ana.enter(TEA)
        ana.say(TEA, "now")
        await ana.expect_said("ana", TEA, "now")
        assert await asked(ana) == (["now"], [KEPT])
        await rui.enter(TEA)
        rui.send("/history")
        await rui.expect(lambda s: "is no longer kept" in str(s), "what is not kept")
        async with operator_of(data) as operator:
            assert (await operator.do("stats"))["dropped_until"] is not None


async def test_a_server_that_comes_later_says_it_too(data: Path, tmp_path: Path) -> None:
    async with running(data, north(keep_days=30), ("irc", "mesh")) as place:
        await dropped(data)
        ana = await place.ircv3("ana")
        await ana.enter(TEA)
        ana.say(TEA, "now")
        await ana.expect_said("ana", TEA, "now")
        chosen = named("south", place.ports["mesh"])
        with capture_logs() as logs:
            async with running(data_of(tmp_path, "south"), chosen, ("irc", "mesh")) as other:
                await linked(tmp_path / "south", "north")
                rui = await other.ircv3("rui")
                await rui.enter(TEA)
                await ana.expect_joined("rui", TEA)
                assert await asked(rui) == (["now"], [KEPT])
        told = [log for log in logs if log["event"] == "messages are no longer kept elsewhere"]
        assert [(log["server"], log["messages"]) for log in told] == [("north.example", 1)]
