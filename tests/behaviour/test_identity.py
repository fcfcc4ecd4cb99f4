"""Who comes again with a number and a token is the same user, and nothing said to them is lost."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from tertulia.domain.names import is_number
from tertulia.protocols import backlog
from tertulia.server.settings import ServerSettings
from tests.behaviour.clients import Client
from tests.behaviour.irc_clients import IrcClient, Ircv3Client
from tests.behaviour.json_clients import ClassicClient, JsonClient
from tests.behaviour.places import (
    CLIENTS,
    IDENTIFIED,
    SERVER,
    Disk,
    Place,
    Visitors,
    running,
    settings,
    tertulia_process,
)

TEA = "#tea"
PROMPT = [name for name in IDENTIFIED if name not in ("json", "rech")]
"""Those without pauses, whose users have what they are sent at once."""


class Secret(NamedTuple):
    """What a client keeps to come again."""

    number: str
    token: str

    @property
    def line(self) -> str:
        return f"{self.number}:{self.token}"


async def issued(client: Client) -> Secret:
    """Have an identity."""
    assert isinstance(client, IrcClient | JsonClient)
    client.send(*(("IDENTITY NEW",) if isinstance(client, IrcClient) else ("IDENTITY",)))
    seen = await client.expect_seen("reply", whom="IDENTITY")
    if isinstance(client, IrcClient):
        nick, number, token = seen.raw.params
    else:
        nick, number, token = (seen.raw[key] for key in ("name", "number", "token"))
        assert number in seen.text
        assert token in seen.text
    assert nick == client.nick
    assert is_number(number)
    assert len(bytes.fromhex(token)) == 16
    return Secret(number, token)


async def knock_as(place: Visitors, protocol: str, nick: str, secret: Secret) -> Client:
    """Say who one is, and wait for nothing."""
    client = await place.knock(CLIENTS[protocol])
    client.nick = nick
    if isinstance(client, IrcClient):
        client.send(f"PASS {secret.line}")
        client.try_to_log_in(nick)
    else:
        assert isinstance(client, JsonClient)
        client.send("LOGIN", name=nick, number=secret.number, token=secret.token)
    return client


async def come_as(place: Visitors, protocol: str, nick: str, secret: Secret) -> Client:
    """Come again; what is seen behind the welcome was not looked at."""
    client = await knock_as(place, protocol, nick, secret)
    if isinstance(client, IrcClient):
        await client.expect(lambda s: s.whom in ("376", "422"), "the end of the MOTD")
    elif isinstance(client, ClassicClient):
        await client.expect(lambda s: s.raw == {"op": "LOGIN", "name": nick}, "the answer")
    return client


async def gone(place: Visitors, protocol: str, nick: str) -> Secret:
    """An identity whose user has gone."""
    client = await place.meet(protocol, nick)
    secret = await issued(client)
    client.quit()
    await client.expect_closed()
    return secret


@pytest.mark.parametrize("protocol", IDENTIFIED)
async def test_who_comes_with_number_and_token_is_the_same(place: Place, protocol: str) -> None:
    secret = await gone(place, protocol, "ana")
    ana = await come_as(place, protocol, "ana", secret)
    await ana.fence()
    user = place.server.hub.state.user_named("ana")
    assert user is not None
    assert str(user.uid) == user.number == secret.number


@pytest.mark.parametrize("protocol", IDENTIFIED)
async def test_the_nickname_is_protected(place: Place, protocol: str) -> None:
    await gone(place, protocol, "ana")
    for nick in ("ana", "\u0430na"):
        await place.refused_at_the_door(protocol, nick, "belongs to someone")
    bob = await place.meet(protocol, "bob")
    bob.rename("ana")
    await bob.expect_error("belongs to someone")


@pytest.mark.parametrize("protocol", IDENTIFIED)
@pytest.mark.parametrize("wrong", ["number", "token"])
async def test_a_wrong_number_or_token_is_refused(place: Place, protocol: str, wrong: str) -> None:
    secret = await gone(place, protocol, "ana")
    fake = secret._replace(**{wrong: "0" * len(getattr(secret, wrong))})
    client = await knock_as(place, protocol, "ana", fake)
    if isinstance(client, IrcClient):
        error = await client.expect_seen("error", whom="464")
        assert "number or the token is wrong" in error.text
        await client.expect_goodbye()
    elif isinstance(client, ClassicClient):
        await client.expect_error("number or the token is wrong")
        await client.fence()
    else:
        await client.expect_goodbye("number or the token is wrong")
    assert not place.server.hub.state.users


@pytest.mark.parametrize("protocol", IDENTIFIED)
async def test_one_identity_a_session(place: Place, protocol: str) -> None:
    ana = await place.meet(protocol, "ana")
    secret = await issued(ana)
    assert isinstance(ana, IrcClient | JsonClient)
    ana.send(*(("IDENTITY NEW",) if isinstance(ana, IrcClient) else ("IDENTITY",)))
    await ana.expect_error("already", secret.number)


@pytest.mark.parametrize("protocol", IDENTIFIED)
async def test_an_older_session_gives_way(place: Place, protocol: str) -> None:
    issuing = await place.meet(protocol, "ana")
    secret = await issued(issuing)
    first = await come_as(place, protocol, "ana", secret)
    await issuing.expect_goodbye("Connected again from elsewhere")
    await first.enter(TEA)
    second = await come_as(place, protocol, "ana", secret)
    await first.expect_goodbye("Connected again from elsewhere")
    assert await second.users() == {"ana"}


@pytest.mark.parametrize("protocol", IDENTIFIED)
async def test_messages_wait_over_a_restart(tmp_path: Path, protocol: str) -> None:
    async with running(tmp_path / "data") as place:
        secret = await gone(place, protocol, "ana")
        bob = await place.ircv3("bob")
        for text in ("one", "two", "three"):
            bob.say("ana", text)
            away = await bob.expect_seen("reply", whom="301")
            assert away.raw.params == ["bob", "ana", "ana is not here; your message waits for them"]
    async with running(tmp_path / "data") as place:
        ana = await come_as(place, protocol, "ana", secret)
        for text in ("one", "two", "three"):
            await ana.expect_told("bob", text)
        assert await ana.rest() == []


@pytest.mark.parametrize("protocol", PROMPT)
async def test_what_waited_comes_once(place: Place, protocol: str) -> None:
    secret = await gone(place, protocol, "ana")
    bob = await place.irc("bob")
    bob.say("ana", "hello")
    await bob.fence()
    ana = await come_as(place, protocol, "ana", secret)
    await ana.expect_told("bob", "hello")
    ana.quit()
    await ana.expect_closed()
    ana = await come_as(place, protocol, "ana", secret)
    assert await ana.rest() == []
    bob.say("ana", "again")
    await ana.expect_told("bob", "again")


async def test_what_waited_has_its_own_time_and_id(place: Place) -> None:
    secret = await gone(place, "ircv3", "ana")
    bob = await place.come(Ircv3Client, "bob")
    bob.say("ana", "hello")
    echo = await bob.expect_seen("told", by="bob", text="hello")
    ana = await come_as(place, "ircv3", "ana", secret)
    told = await ana.expect_told("bob", "hello")
    for tag in ("time", "msgid"):
        assert told.raw.tags[tag] == echo.raw.tags[tag]


async def test_many_messages_come_in_order_with_what_is_new(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "PAGE", 7)
    secret = await gone(place, "irc", "ana")
    bob = await place.irc("bob")
    texts = [f"message {i}" for i in range(50)]
    for text in texts[:30]:
        bob.say("ana", text)
    await bob.fence()
    ana = await knock_as(place, "irc", "ana", secret)
    for text in texts[30:]:
        bob.say("ana", text)
    await bob.fence()
    await ana.expect_told("bob", texts[-1])
    assert [seen.text for seen in ana.seen if seen.kind == "told"] == texts


@pytest.mark.parametrize("protocol", IDENTIFIED)
async def test_the_sender_is_told_that_it_waits(place: Place, protocol: str) -> None:
    await gone(place, protocol, "ana")
    bob = await place.meet(protocol, "bob")
    bob.say("ana", "hello")
    told = await bob.expect_seen("reply")
    assert "ana is not here; your message waits for them" in told.text
    bob.say("nobody", "hello")
    await bob.expect_error("nobody")


async def test_so_much_waits_and_no_more(place: Place) -> None:
    rules = place.server.hub.world.rules
    place.server.hub.world.rules = replace(rules, waiting_messages=1)
    secret = await gone(place, "irc", "ana")
    bob = await place.irc("bob")
    bob.say("ana", "one")
    bob.say("ana", "two")
    await bob.expect_error("TOO_MANY_WAITING", "ana")
    ana = await come_as(place, "irc", "ana", secret)
    await ana.expect_told("bob", "one")
    bob.say("ana", "three")
    await ana.expect_told("bob", "three")


async def test_what_is_no_message_does_not_wait(place: Place) -> None:
    secret = await gone(place, "ircv3", "ana")
    bob = await place.ircv3("bob")
    for line in ("PRIVMSG ana :\x01VERSION\x01", "TAGMSG ana", "WHOIS ana"):
        bob.send(line)
        error = await bob.expect_seen("error")
        assert error.whom == "401"
    bob.notice("ana", "a notice")
    bob.act("ana", "waves")
    await bob.fence()
    ana = await come_as(place, "ircv3", "ana", secret)
    notice = await ana.expect_told("bob", "a notice")
    assert notice.raw.command == "NOTICE"
    action = await ana.expect_told("bob", "waves")
    assert action.raw.params == ["ana", "\x01ACTION waves\x01"]


async def test_history_of_who_is_not_here(place: Place) -> None:
    secret = await gone(place, "irc", "ana")
    bob = await place.ircv3("bob")
    bob.say("ana", "hello")
    await bob.expect_seen("told", text="hello")
    [line] = await bob.history("ana")
    assert line.params == ["ana", "hello"]
    [line] = await bob.history(secret.number)
    assert line.params == ["ana", "hello"]


async def test_a_rename_moves_the_identity(place: Place) -> None:
    ana = await come_as(place, "irc", "ana", secret := await gone(place, "irc", "ana"))
    ana.rename("bia")
    await ana.expect_renamed("ana", "bia")
    ana.quit()
    await ana.expect_closed()
    await place.refused_at_the_door("irc", "bia", "belongs to someone")
    other = await place.irc("ana")
    bob = await place.irc("bob")
    bob.say("bia", "to bia")
    bob.say(secret.number, "to the number")
    await bob.fence()
    assert await other.rest() == []
    bia = await come_as(place, "ircv3", "bia", secret)
    await bia.expect_told("bob", "to bia")
    await bia.expect_told("bob", "to the number")


async def test_an_admin_is_admin_again(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as place:
        secret = await gone(place, "irc", "ana")
        ana = await come_as(place, "irc", "ana", secret)
        other = await gone(place, "irc", "rui")
        rui = await come_as(place, "irc", "rui", other)
        await ana.enter(TEA)
        await rui.enter(TEA)
        ana.promote(TEA, "rui")
        await rui.expect_promoted("rui", TEA)
    async with running(tmp_path / "data") as place:
        bob = await place.irc("bob")
        await bob.enter(TEA)
        for nick, own in (("ana", secret), ("rui", other)):
            client = await come_as(place, "irc", nick, own)
            await client.enter(TEA)
            # JOIN does not say it to those who are there.
            await bob.expect_promoted(nick, TEA)
        assert isinstance(client, IrcClient)
        client.send(f"NAMES {TEA}")
        [names] = await client.answer("353", "366")
        assert set(names.params[-1].split()) == {"bob", "@ana", "@rui"}
        client.send(f"MODE {TEA} -o ana")
        await client.fence()
    async with running(tmp_path / "data") as place:
        bob = await place.irc("bob")
        await bob.enter(TEA)
        ana = await come_as(place, "irc", "ana", secret)
        await ana.enter(TEA)
        assert isinstance(ana, IrcClient)
        ana.send(f"NAMES {TEA}")
        [names] = await ana.answer("353", "366")
        assert set(names.params[-1].split()) == {"bob", "ana"}


async def test_beside_the_password_of_the_server(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("se/cret")
    chosen = settings(server=ServerSettings(name=SERVER, password_file=password))
    async with running(tmp_path / "data", chosen) as place:
        ana = await place.knock(IrcClient)
        ana.send("PASS se/cret")
        await ana.log_in("ana")
        secret = await issued(ana)
        for line in (secret.line, f"wrong/{secret.line}"):
            client = await place.knock(IrcClient)
            client.send(f"PASS {line}")
            client.try_to_log_in("ana")
            await client.expect_seen("error", whom="464")
            await client.expect_goodbye()
        assert await ana.rest() == []
        again = await place.knock(IrcClient)
        again.send(f"PASS se/cret/{secret.line}")
        await again.log_in("ana")
        await ana.expect_goodbye("Connected again")


async def test_what_is_told_of_the_token_is_told_once(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as place:
        ana, bob = await place.ircv3("ana"), await place.ircv3("bob")
        await ana.enter(TEA)
        await bob.enter(TEA)
        ana.send("@label=l1 IDENTITY NEW")
        answer = await ana.expect_seen("reply", whom="IDENTITY")
        token = answer.raw.params[-1]
        note = await ana.expect_seen("reply", whom="NOTE")
        assert "PASS <number>:<token>" in note.text
        await bob.fence_behind(ana)
        assert not any(token in seen.text for seen in bob.seen)
        ana.send("IDENTITY OLD")
        await ana.expect_error("INVALID_PARAMS")
    for path in (tmp_path / "data").iterdir():
        assert token.encode() not in path.read_bytes(), path


async def test_on_a_full_disk_nothing_is_lost(place: Place) -> None:
    secret = await gone(place, "irc", "ana")
    bob = await place.irc("bob")
    bob.say("ana", "before")
    await bob.fence()
    disk = Disk(place)
    disk.is_full = True
    bob.say("ana", "lost?")
    await bob.expect_error("NOT_STORED")
    bob.send("IDENTITY NEW")
    await bob.expect_error("NOT_STORED")
    ana = await come_as(place, "irc", "ana", secret)
    await ana.expect_told("bob", "before")
    await ana.fence()
    ana.rename("bia")
    await ana.expect_renamed("ana", "bia")
    disk.is_full = False
    assert not any(seen.whom == "IDENTITY" for seen in bob.seen)
    await issued(bob)
    bob.say("bia", "after")
    await ana.expect_told("bob", "after")
    assert [seen.text for seen in ana.seen if seen.kind == "told"] == ["before", "after"]
    rows = place.server._store._reader.execute("SELECT count(*) FROM waiting").get
    assert rows == 0
    names = place.server._store._reader.execute(
        "SELECT record ->> 'nickname' FROM identity ORDER BY 1"
    ).fetchall()
    assert names == [("bia",), ("bob",)]


async def test_a_rank_that_cannot_be_stored_is_not_given(place: Place) -> None:
    secret = await gone(place, "irc", "ana")
    bob = await place.irc("bob")
    await bob.enter(TEA)
    ana = await come_as(place, "irc", "ana", secret)
    await ana.enter(TEA)
    disk = Disk(place)
    disk.is_full = True
    bob.promote(TEA, "ana")
    await bob.expect_error("NOT_STORED")
    assert isinstance(ana, IrcClient)
    ana.send(f"MODE {TEA} +m")
    error = await ana.expect_seen("error")
    assert error.whom == "482"
    disk.is_full = False
    bob.promote(TEA, "ana")
    await ana.expect_promoted("ana", TEA)


async def test_messages_wait_over_a_kill(tmp_path: Path) -> None:
    arguments = ("serve", "--data", str(tmp_path / "data"), "--listen", "irc://127.0.0.1:0")
    async with tertulia_process(tmp_path, *arguments) as process:
        await process.ready()
        secret = await gone(process, "irc", "ana")
        bob = await process.irc("bob")
        bob.say("ana", "hello")
        await bob.expect_seen("reply", whom="301")
        process.process.kill()
        await process.process.wait()
    async with tertulia_process(tmp_path, *arguments) as process:
        await process.ready()
        ana = await come_as(process, "irc", "ana", secret)
        await ana.expect_told("bob", "hello")
        assert secret.token not in (await process.terminate())[2]
