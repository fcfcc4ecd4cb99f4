"""Looking for what was said, in IRC: where one may read it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from tertulia.server.settings import HistorySettings
from tests.behaviour.irc_clients import Ircv3Client
from tests.behaviour.places import running, settings

TEA = "#tea"


async def found(client: Ircv3Client, attributes: str) -> list[tuple[str, str]]:
    """Return where and what is found."""
    client.send(f"SEARCH {attributes}")
    opened = await client.expect(
        lambda s: s.raw.command == "BATCH" and s.raw.params[-1] == "soju.im/search", "the answer"
    )
    assert opened.raw.params == ["+search", "soju.im/search"]
    hits: list[tuple[str, str]] = []
    while True:
        seen = await client.expect(
            lambda s: s.raw.command == "BATCH" or s.raw.tags.get("batch") == "search", "a hit"
        )
        if seen.raw.command == "BATCH":
            return hits
        assert "msgid" in seen.raw.tags
        assert "time" in seen.raw.tags
        hits.append((seen.raw.params[0], seen.raw.params[-1]))


async def test_words_are_found_where_one_may_read_them(tmp_path: Path) -> None:
    chosen = settings(history=HistorySettings(text_logs=False))
    async with running(tmp_path / "data", chosen, ("irc",)) as place:
        ana, rui = await place.ircv3("ana"), await place.ircv3("rui")
        await ana.enter(TEA)
        await ana.enter("#own")
        await rui.enter(TEA)
        ana.say(TEA, "a cup of tea")
        await ana.fence()
        rui.say(TEA, "no tea, thanks")
        await rui.fence()
        ana.say("#own", "tea for one")
        ana.tell("rui", "tea, a secret")
        await ana.fence()
        both = [(TEA, "a cup of tea"), (TEA, "no tea, thanks")]
        assert await found(ana, "text=tea") == [
            *both, ("#own", "tea for one"), ("rui", "tea, a secret")
        ]  # fmt: skip
        assert await found(rui, "text=tea") == [*both, ("rui", "tea, a secret")]
        assert await found(rui, r"text=cup\sof") == both[:1]
        assert await found(ana, "text=tea;in=#tea;from=rui") == both[1:]
        assert await found(ana, "text=tea;in=#tea;limit=1") == both[1:]
        assert await found(ana, "text=coffee") == []
