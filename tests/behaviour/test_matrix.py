"""Every action in every protocol, looked for in every other, on one server and on two.

What is done and what is shown of it is in the tables of docs/protocols.md; see `matrix`.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from tests.behaviour.clients import Client
from tests.behaviour.matrix import (
    COLUMNS,
    DO,
    DONE,
    FORMS,
    NOT,
    SHOWN,
    Irc,
    Pair,
    as_text,
    come,
    form,
    look,
    meet,
)
from tests.behaviour.numeric_clients import NumericClient
from tests.behaviour.twins import a_place, twins


def test_the_page_has_what_is_tested() -> None:
    assert [a for a in DONE if a != "come"] == list(DONE)[1:]
    assert {a for a in DONE if a != "come"} == set(DO)
    assert set(SHOWN) == set(FORMS)
    for action, cells in SHOWN.items():
        for column, cell in cells.items():
            assert (form(action, column) is None) == (cell == NOT), (action, column)


PAIRS = list(itertools.product(COLUMNS, COLUMNS))


@pytest.mark.parametrize(("column", "viewers"), PAIRS)
async def test_what_one_does_the_other_is_shown(tmp_path: Path, column: str, viewers: str) -> None:
    async with a_place(tmp_path / "data") as place:
        await look_at_all(await meet(place, place, column, viewers))


@pytest.mark.parametrize(("column", "viewers"), PAIRS)
async def test_and_on_another_server_as_well(tmp_path: Path, column: str, viewers: str) -> None:
    async with twins(tmp_path) as two:
        await look_at_all(await meet(two.here, two.there, column, viewers))


async def look_at_all(pair: Pair) -> None:
    for i, (action, do) in enumerate(DO.items()):
        if DONE[action][pair.column] != NOT:
            await look(pair, action, do, f"word{i}")


async def expect_shown(viewer: Client, wanted: re.Pattern[str]) -> None:
    await viewer.expect(lambda seen: bool(wanted.fullmatch(as_text(seen))), wanted.pattern)


@pytest.mark.parametrize("viewers", [c for c in COLUMNS if c != "PyChat"])
async def test_that_it_was_delivered_is_shown(tmp_path: Path, viewers: str) -> None:
    async with a_place(tmp_path / "data") as place:
        doer = await place.come(NumericClient, "")
        number = doer.number
        await doer.drop()
        host = await place.come(Irc, "host")
        await host.expect_absent(doer.nick)
        viewer = await come(place, viewers, "rui")
        pair = Pair(place, doer, "numeric", viewer, viewers, host, host, None)
        viewer.say(number if viewers == "numeric" else doer.nick, "are you there?")
        await viewer.fence_ahead()
        assert not any(
            pair.shown("it was delivered", "").fullmatch(as_text(s)) for s in viewer.seen
        )
        again = await place.knock(NumericClient)
        await again.log_in_as(number)
        wanted = pair.shown("it was delivered", "")
        await viewer.expect(lambda s: bool(wanted.fullmatch(as_text(s))), wanted.pattern)


@pytest.mark.parametrize("column", [c for c in COLUMNS if c != "numeric"])
async def test_programs_that_ask_are_told_of_each_delivery(tmp_path: Path, column: str) -> None:
    async with a_place(tmp_path / "data") as place:
        host = await place.come(Irc, "host")
        doer = await come(place, column, "ana")
        for viewers in ("IRC", "numeric"):
            viewer = await come(place, viewers, f"rui{len(viewers)}")
            pair = Pair(place, doer, column, viewer, viewers, host, host, None)
            viewer.say(pair.number(doer), "here you are")
            await expect_shown(viewer, pair.shown("it was delivered", ""))
