"""What comes over the conversation: going somewhere, searching, help, choosing a server."""

from __future__ import annotations

from tertulia.client.choose import Candidate
from tertulia.client.interface.choosing import Chooser
from tertulia.client.preferences import Preferences
from tertulia.client.session import events as ev
from tertulia.client.session import intents as i
from tertulia.client.session.model import Kind, Message
from tertulia.client.session.settings import Address
from tertulia.client.words import words_for
from tests.client.interface.stage import Stage, played, screen, settled


def staged() -> Stage:
    stage = Stage()
    stage.come()
    for channel in ("#tea", "#wine"):
        stage.enter(channel, "@bia", "caio")
    stage.look_at("#tea")
    return stage


async def test_going_to_a_channel_by_a_few_letters() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await pilot.press("ctrl+k")
        await settled(pilot)
        await pilot.press(*"wi", "enter")
        await settled(pilot)
        assert stage.app.desk.current.name == "#wine"


async def test_going_to_somebody_opens_a_conversation() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await pilot.press("ctrl+k")
        await settled(pilot)
        await pilot.press(*"cai", "enter")
        await settled(pilot)
        assert stage.app.desk.current.name == "caio"
        assert "Direct messages" in "\n".join(await screen(pilot))


async def test_a_new_channel_is_joined() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await pilot.press("ctrl+k")
        await settled(pilot)
        await pilot.press(*"#new", "enter")
        await settled(pilot)
        assert i.Join("#new") in stage.done
        stage.enter("#new")
        await settled(pilot)
        assert stage.app.desk.current.name == "#new"


async def test_searching_goes_to_what_was_found() -> None:
    stage = staged()
    for number in range(80):
        stage.say("bia", "#tea", f"line {number}", number + 2, f";msgid=m{number}")
    async with played(stage) as pilot:
        await pilot.press("ctrl+f")
        await settled(pilot)
        await pilot.press(*"line", "enter")
        await settled(pilot)
        assert stage.wishes(i.Search) == [i.Search("line", "#tea")]
        hits = tuple(
            ("#tea", Message(9000 + n, Kind.SAY, "bia", f"line {n}", 0, msgid=f"m{n}"))
            for n in (3, 20)
        )
        stage.app.take([ev.Found("line", hits, on_server=True)])
        assert "2 messages" in "\n".join(await screen(pilot))
        await pilot.press("enter")
        lines = await screen(pilot)
        assert any("line 20" in line and "▌" in line for line in lines[6:16])


async def test_what_somebody_did_is_found_with_their_name_once() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await pilot.press("ctrl+f")
        await settled(pilot)
        await pilot.press(*"tea", "enter")
        hit = Message(9000, Kind.ACTION, "bia", "pours tea", 0, msgid="m1")
        stage.app.take([ev.Found("tea", (("#tea", hit),), on_server=True)])
        [line] = [line for line in await screen(pilot) if "pours tea" in line]
        assert "* bia pours tea" in line
        assert line.count("bia") == 1


async def test_what_was_found_far_back_is_loaded() -> None:
    stage = staged()
    for number in range(30):
        stage.say("bia", "#tea", f"line {number}", number + 2, f";msgid=m{number}")
    async with played(stage) as pilot:
        await pilot.press("ctrl+f")
        await settled(pilot)
        await pilot.press("x", "enter")
        hit = Message(9000, Kind.SAY, "bia", "older 7", 0, msgid="h7-7")
        stage.app.take([ev.Found("x", (("#tea", hit),), on_server=True)])
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        stage.answer_history("#tea", *[f"older {number}" for number in range(40)])
        assert "older 7" in "\n".join(await screen(pilot))


async def test_the_command_searches_at_once() -> None:
    stage = staged()
    async with played(stage) as pilot:
        await pilot.press(*"/search", "space", *"cup", "enter")
        await settled(pilot)
        assert stage.wishes(i.Search) == [i.Search("cup", "#tea")]
        assert "Search in #tea" in "\n".join(await screen(pilot))


async def test_help_lists_keys_and_commands() -> None:
    stage = staged()
    async with played(stage, 100, 40) as pilot:
        await pilot.press("f1")
        shown = "\n".join(await screen(pilot))
        assert "Ctrl+K" in shown
        assert "leave the chat" in shown
        await pilot.press(*["pagedown"] * 6)
        assert "/whois" in "\n".join(await screen(pilot))
        await pilot.press("escape")
        assert "Ctrl+K" not in "\n".join(await screen(pilot))


async def test_a_server_is_chosen() -> None:
    here = (Candidate(addresses=(Address("192.0.2.1", 6667),), name="Here", users=3),)
    there = (Candidate(addresses=(Address("192.0.2.2", 6697, True),)),)
    app = Chooser([here, there], Preferences(theme="dark"), words_for("en"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("down", "enter")
        await pilot.pause()
    assert app.return_value == there
