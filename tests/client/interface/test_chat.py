"""What is shown of what happens, and what is typed: the application in a terminal that is none."""

from __future__ import annotations

from tertulia.client.session import events as ev
from tertulia.client.session import intents as i
from tests.client.interface.stage import Stage, played, screen, settled


def staged(**more: str) -> Stage:
    """A stage in a channel with two others."""
    stage = Stage(**more)
    stage.come()
    stage.enter("#tea", "@bia", "+caio")
    return stage


def line_with(lines: list[str], text: str) -> str:
    """Return the only line that *text* is in."""
    found = [line for line in lines if text in line]
    assert len(found) == 1, lines
    return found[0]


async def test_what_is_said_is_shown() -> None:
    stage = staged()
    async with played(stage) as pilot:
        stage.say("bia", "#tea", "olá a todos")
        assert "bia │ olá a todos" in line_with(await screen(pilot), "olá a todos")


async def test_who_says_much_in_a_minute_is_named_now_and_then() -> None:
    stage = staged()
    async with played(stage, 80, 24) as pilot:
        for number in range(40):
            stage.say("bia", "#tea", f"line {number}")
        lines = [line for line in await screen(pilot) if "│ line" in line]
        named = [line for line in lines if "bia │" in line]
        assert len(lines) >= 18
        assert 1 <= len(named) <= 3


async def test_an_own_message_is_pending_until_it_is_stored() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await pilot.press(*"ola", "enter")
        assert "◌ sending" in line_with(await screen(pilot), "ola")
        stage.says(f"@label={stage.label('PRIVMSG')};msgid=m1 :ana!u@host PRIVMSG #tea :ola")
        shown = line_with(await screen(pilot), "ola")
        assert "◌" not in shown
        assert "✓" not in shown


async def test_a_direct_message_tells_what_became_of_it() -> None:
    stage = staged()
    stage.say("bia", "ana", "oi")
    async with played(stage) as pilot:
        stage.look_at("bia")
        await settled(pilot)
        await pilot.press(*"ola", "enter")
        stage.says(f"@label={stage.label('PRIVMSG')};msgid=m1 :ana!u@host PRIVMSG bia :ola")
        assert "✓ sent" in line_with(await screen(pilot), "ola")
        stage.says("@+tertulia/delivered=m1 :bia!u@host TAGMSG ana")
        assert "✓✓ delivered" in line_with(await screen(pilot), "ola")
        stage.says("@+tertulia/seen=m1 :bia!u@host TAGMSG ana")
        assert "✓✓ seen" in line_with(await screen(pilot), "ola")


async def test_what_was_refused_is_kept_and_can_be_sent_again() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await pilot.press(*"ola", "enter")
        await settled(pilot)
        stage.says(f"@label={stage.label('PRIVMSG')} :irc.example 404 ana #tea :Cannot send")
        shown = "\n".join(await screen(pilot))
        assert "✗ not sent" in shown
        assert "Cannot send" in shown
        await pilot.press("f5")
        await settled(pilot)
        assert stage.wishes(i.SendAgain)
        assert sum("PRIVMSG #tea ola" in line for line in stage.sent) == 2


async def test_a_poke_stands_out() -> None:
    stage = staged()
    async with played(stage) as pilot:
        stage.says("@+tertulia/poke=ana :bia!u@host TAGMSG #tea")
        await settled(pilot)
        buffer = stage.session.model.get("#tea")
        assert buffer is not None
        await pilot.press(*"/poke", "space", *"bia", "enter")
        await settled(pilot)
        assert stage.wishes(i.Poke) == [i.Poke("bia", "#tea")]


async def test_counts_of_what_was_not_read() -> None:
    stage = staged()
    stage.enter("#wine", "dora")
    stage.look_at("#tea")
    async with played(stage) as pilot:
        stage.say("dora", "#wine", "um")
        stage.say("dora", "#wine", "dois")
        assert line_with(await screen(pilot), "#wine").split()[:3] == ["3", "#wine", "2"]
        stage.say("dora", "#wine", "ana: três")
        assert line_with(await screen(pilot), "#wine").split()[:3] == ["3", "#wine", "1"]
        await pilot.press("alt+a")
        lines = await screen(pilot)
        assert " new " in lines[lines.index(line_with(lines, "│ um")) - 1]
        assert i.MarkRead("#wine") in stage.done


async def test_who_is_there_and_who_is_away() -> None:
    stage = staged()
    async with played(stage, 100, 24) as pilot:
        stage.says(":caio!u@host AWAY :lunch")
        lines = await screen(pilot)
        assert line_with(lines, "@bia")
        assert "away" in line_with(lines, "+caio")
        assert line_with(lines, "Admins · 1")


async def test_who_is_typing() -> None:
    stage = staged()
    async with played(stage) as pilot:
        stage.says("@+typing=active :bia!u@host TAGMSG #tea")
        assert "bia is typing…" in (await screen(pilot))[-2]
        stage.says("@+typing=active :caio!u@host TAGMSG #tea")
        assert "bia and caio are typing…" in (await screen(pilot))[-2]
        stage.says(":bia!u@host PRIVMSG #tea :pronto")
        assert "caio is typing…" in (await screen(pilot))[-2]


async def test_a_lost_connection_is_told_and_typing_goes_on() -> None:
    stage = staged()
    async with played(stage) as pilot:
        stage.session.lost("connection reset")
        stage.tell()
        await settled(pilot)
        assert "connection lost" in (await screen(pilot))[-2]
        assert "connection reset" in (await screen(pilot))[-2]
        await pilot.press(*"still here", "enter")
        assert "◌ waiting" in line_with(await screen(pilot), "still here")
        stage.come()
        stage.says(":ana!u@host JOIN #tea", ":irc.example 366 ana #tea :End")
        assert stage.session.state is ev.State.ONLINE
        assert sum("PRIVMSG #tea :still here" in line for line in stage.sent) == 1


async def test_older_history_is_loaded_at_the_top() -> None:
    stage = staged()
    for number in range(60):
        stage.say("bia", "#tea", f"line {number}", number + 2, f";msgid=m{number}")
    async with played(stage) as pilot:
        asked = len(stage.wishes(i.LoadOlder))
        await pilot.press(*["pageup"] * 3)
        top = (await screen(pilot))[2]
        assert len(stage.wishes(i.LoadOlder)) == asked + 1
        stage.answer_history("#tea", *[f"older {number}" for number in range(50)])
        assert (await screen(pilot))[2] == top
        await pilot.press("pageup")
        assert "older 49" in "\n".join(await screen(pilot))


async def test_where_history_begins_is_told() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await settled(pilot)
        assert stage.wishes(i.LoadOlder) == [i.LoadOlder("#tea")]
        stage.answer_history("#tea")
        assert "the conversation starts here" in "\n".join(await screen(pilot))


async def test_hostile_text_is_harmless() -> None:
    stage = staged()
    async with played(stage, 120, 24) as pilot:
        stage.say("bia", "#tea", "a\x1b[31mb\x1b]0;title\x07c \u202eevil [red]d[/red]")
        stage.says(":bia!u@host TOPIC #tea :\x1b[2Jtopic")
        lines = await screen(pilot)
        assert line_with(lines, "a[31mb]0;titlec evil [red]d[/red]")
        assert "[2Jtopic" in lines[0]
        assert not any("\x1b" in line or "\x07" in line for line in lines)


async def test_what_a_server_answers_is_shown_where_one_looks() -> None:
    stage = staged()
    async with played(stage) as pilot:
        stage.says(":irc.example 403 ana #nowhere :No such channel")
        assert line_with(await screen(pilot), "#nowhere: No such channel")


async def test_it_speaks_portuguese() -> None:
    stage = staged(language="pt_BR")
    async with played(stage) as pilot:
        assert "sexta-feira, 15 de janeiro de 2027" in "\n".join(await screen(pilot))


async def test_a_changed_certificate_is_asked_about() -> None:
    stage = staged()
    async with played(stage) as pilot:
        stage.app.take([ev.CertificateChanged("ircs://irc.example:6697", "aa:bb", "cc:dd")])
        shown = "\n".join(await screen(pilot))
        assert "The certificate has changed" in shown
        assert "cc:dd" in shown
        await pilot.press("t")
        await settled(pilot)
        assert stage.trusted == ["ircs://irc.example:6697"]


async def test_leaving_says_goodbye() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert stage.wishes(i.Quit) == [i.Quit("")]
    assert stage.app.return_value == 0


async def test_leaving_asks_where_something_is_not_sent() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await pilot.press(*"ola", "enter", "ctrl+q")
        assert "Not everything is sent yet" in "\n".join(await screen(pilot))
        await pilot.press("escape")
        await settled(pilot)
        assert not stage.wishes(i.Quit)
        await pilot.press("ctrl+q")
        await settled(pilot)
        await pilot.press("l")
        await pilot.pause()
        assert stage.wishes(i.Quit)


async def test_a_contact_is_called_as_one_calls_them() -> None:
    stage = staged()
    stage.say("bia", "#tea", "olá")
    async with played(stage) as pilot:
        await pilot.press(
            *["space" if one == " " else one for one in "/contact Beatriz bia"], "enter"
        )
        assert "Beatriz │ olá" in line_with(await screen(pilot), "│ olá")
