"""Whoever goes on at another server misses nothing, and is shown nothing again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tertulia.replication import dialer
from tests.behaviour.clients import Client, Seen
from tests.behaviour.irc_clients import IrcClient, Ircv3Client
from tests.behaviour.json_clients import DiscoveryProgram
from tests.behaviour.places import Place
from tests.behaviour.test_identity import Secret, come_as, issued
from tests.behaviour.twins import Twins, twins

TEA = "#tea"
KINDS: dict[str, type[Ircv3Client | DiscoveryProgram]] = {
    "irc": Ircv3Client,
    "json": DiscoveryProgram,
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let servers try again soon."""
    monkeypatch.setattr(dialer, "BACKOFF_S", (0.05, 0.1))


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Twins]:
    async with twins(tmp_path) as pair:
        yield pair


class Mover:
    """Mia, who keeps a token, the ids of what came after it, and all texts that she was shown."""

    def __init__(self, kind: type[Ircv3Client | DiscoveryProgram], secret: Secret) -> None:
        self.client = kind()
        self.texts: list[str] = []
        self._secret = secret
        self._token = ""
        self._ids: list[str] = []

    async def come(self, place: Place) -> None:
        """Connect to a server, and go on there."""
        self.client = await place.knock(type(self.client))
        self.client.nick = "mia"
        if isinstance(self.client, IrcClient):
            if self._token:
                self.client.send(f"RESUME {self._token} {','.join(self._ids)}")
            self.client.send(f"PASS {self._secret.line}")
            await self.client.log_in("mia")
        else:
            number, token = self._secret
            if self._token:
                self.client.send("RESUME", token=self._token, seen=self._ids)
            self.client.send("LOGIN", name="mia", number=number, token=token)
        self.client.join(TEA)
        self.client.send("RESUME")
        # Another token is told when she has been shown all that she missed.
        await self.client.expect(_tells_token, "a token")

    async def leave(self) -> None:
        """Lose the connection."""
        await self.client.drop()
        for seen in self.client.seen:
            self._note(seen)

    def _note(self, seen: Seen) -> None:
        is_irc = isinstance(self.client, IrcClient)
        if seen.kind in ("said", "told"):
            self.texts.append(seen.text)
            self._ids.append(seen.raw.tags["msgid"] if is_irc else seen.raw["id"])
        elif _tells_token(seen):
            self._token, self._ids = seen.text.split()[-1] if is_irc else seen.raw["token"], []


def _tells_token(seen: Seen) -> bool:
    return seen.kind == "reply" and (seen.whom == "TOKEN" or seen.text.startswith("TOKEN "))


class Talk:
    """Ana on one server and Rui on the other, and what they said so far."""

    def __init__(self, ana: Client, rui: Client) -> None:
        self.both = (ana, rui)
        self.texts: list[str] = []

    async def go_on(self, what: str, tell_mia: bool = False) -> None:
        """Let each say something, and wait until they know that it was heard."""
        for one in self.both:
            for n in "123":
                text = f"{one.nick} {what} {n}"
                one.say(TEA, text)
                self.texts.append(text)
            if tell_mia:
                one.tell("mia", f"{one.nick} {what} to mia")
                self.texts.append(f"{one.nick} {what} to mia")
            await one.fence()


async def talk_of(two: Twins) -> Talk:
    ana, rui = await two.here.irc("ana"), await two.there.irc("rui")
    for one in (ana, rui):
        await one.enter(TEA)
        await two.settle()
    return Talk(ana, rui)


async def mia_of(two: Twins, protocol: str) -> Mover:
    client = await two.here.come(KINDS[protocol], "mia")
    secret = await issued(client)
    await client.drop()
    await two.settle()
    return Mover(KINDS[protocol], secret)


@pytest.mark.parametrize("protocol", KINDS)
async def test_who_moves_with_a_token_is_shown_all_and_nothing_twice(
    two: Twins, protocol: str
) -> None:
    talk, mia = await talk_of(two), await mia_of(two, protocol)
    await mia.come(two.here)
    await talk.go_on("at first", tell_mia=True)
    await two.settle()
    await mia.leave()
    await two.settle()
    await talk.go_on("while she is away", tell_mia=True)
    await two.settle()
    await mia.come(two.there)
    await talk.go_on("when she is there", tell_mia=True)
    await two.settle()
    await mia.leave()
    assert sorted(mia.texts) == sorted(talk.texts)


@pytest.mark.parametrize("protocol", KINDS)
async def test_who_moves_to_the_other_side_of_a_split_is_shown_all_and_nothing_twice(
    two: Twins, protocol: str
) -> None:
    talk, mia = await talk_of(two), await mia_of(two, protocol)
    rui = talk.both[1]
    await talk.go_on("before", tell_mia=True)
    await two.settle()
    await two.apart()
    # What waited on both sides is handed to her on one of them.
    await mia.come(two.there)
    await talk.go_on("meanwhile")
    await mia.client.fence()
    await mia.leave()
    await rui.expect_absent("mia")
    await mia.come(two.here)
    await talk.go_on("at last")
    await two.heal()
    await talk.go_on("after all", tell_mia=True)
    await two.settle()
    await mia.leave()
    # What was said before she came to the channel for the first time is nothing that she missed.
    shown = [text for text in talk.texts if " before " not in text or "to mia" in text]
    assert sorted(mia.texts) == sorted(shown)
    # And back again, where she had been before.
    await talk.go_on("later")
    await mia.come(two.there)
    await two.settle()
    await mia.leave()
    shown += [f"{nick} later {n}" for nick in ("ana", "rui") for n in "123"]
    assert sorted(mia.texts) == sorted(shown)


async def test_who_asks_for_the_history_on_the_other_side_of_a_split_misses_nothing(
    two: Twins,
) -> None:
    talk = await talk_of(two)
    mia = await two.here.ircv3("mia")
    await mia.enter(TEA)
    await talk.go_on("before")
    await two.settle()
    await two.apart()
    await talk.go_on("meanwhile")
    last = await mia.expect_said("ana", TEA, "ana meanwhile 3")
    shown = [s.text for s in mia.seen if s.kind == "said"]
    await mia.drop()
    again = await two.there.ircv3("mia_")
    await again.enter(TEA)
    again.send(f"CHATHISTORY AFTER {TEA} msgid={last.raw.tags['msgid']} 100")
    await again.expect(lambda s: s.raw.command == "BATCH" and s.raw.params[0][0] == "-", "the end")
    await two.heal()
    await talk.go_on("after all")
    await two.settle()
    await again.fence()
    shown += [s.text for s in again.seen if s.kind == "said"]
    assert set(shown) == set(talk.texts)


async def test_what_was_said_again_on_the_other_side_of_a_split_is_handed_over_once(
    two: Twins,
) -> None:
    bob, ana = await two.here.ircv3("bob"), await two.here.ircv3("ana")
    secrets = {one.nick: await issued(one) for one in (bob, ana)}
    await ana.drop()
    await two.settle()
    await two.apart()
    for place in (two.here, two.there):
        again = await come_as(place, "ircv3", "bob", secrets["bob"])
        assert isinstance(again, IrcClient)
        again.send("@+tertulia/id=once PRIVMSG ana :only once")
        await again.fence()
    await two.heal()
    await two.settle()
    for place in (two.here, two.there):
        ana = await place.knock(Ircv3Client)
        ana.send(f"PASS {secrets['ana'].line}")
        await ana.log_in("ana")
        ana.send("RESUME")  # is answered when nothing waits any more
        await ana.expect(_tells_token, "a token")
        told = [s.text for s in ana.seen if s.kind == "told"]
        assert told == (["only once"] if place is two.here else [])
        await two.settle()
