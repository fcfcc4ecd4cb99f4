"""Many who go or come at once, and what comes late."""

from __future__ import annotations

from tertulia.domain import changes as c
from tertulia.domain.events import Face
from tertulia.domain.ids import Hlc, Uid, msgid
from tertulia.domain.text import Text
from tertulia.server.crowds import TOGETHER, crowds, late

NOW = Hlc(1 << 16)


def face(nick: str) -> Face:
    return Face(Uid(nick), nick, "1000000000000", f"{nick}!u@h")


def gone(nick: str) -> c.Change:
    return c.Gone(NOW, "", face(nick), "whatever", ("#tea",), nick)


def came(nick: str, channel: str) -> c.Change:
    return c.Entered(NOW, "", face(nick), channel, nick, None, False)


def said(n: int, target: str) -> c.Spoken:
    to = None if target.startswith("#") else Uid("ana")
    return c.Spoken(Hlc(n), msgid(n, 1), face("bob"), target, 0, Text("hi"), None, "", to=to)


def kinds(changes: list[c.Change]) -> list[str]:
    return [
        f"{one.kind} {one.channel} {len(one.changes)}".replace("  ", " ")
        if isinstance(one, c.Together)
        else type(one).__name__
        for one in changes
    ]


def test_who_goes_does_so_together_and_first() -> None:
    away = c.AwayChanged(NOW, "", face("eva"), None)
    shown = crowds([away, came("rui", "#tea"), gone("rui"), gone("bia")], "a", "b", NOW)
    assert kinds(shown) == ["netsplit 2", "AwayChanged", "Entered"]
    [split, *_] = shown
    assert isinstance(split, c.Together)
    assert [one.reason for one in split.changes if isinstance(one, c.Gone)] == ["a b"] * 2
    assert split.server == "b"


def test_few_come_one_by_one_and_many_together_in_each_channel() -> None:
    few = [came(f"n{n}", "#cup") for n in range(TOGETHER - 1)]
    many = [came(f"n{n}", name) for n, name in enumerate(["#tea", "#Tea", "#TEA"])]
    assert kinds(crowds([*few, *many], "a", "b", NOW)) == ["Entered", "Entered", "netjoin #tea 3"]


def test_a_change_of_nickname_stays_between_those_before_and_after_it() -> None:
    renamed = c.NickChanged(NOW, "", face("rui"), face("rui2"))
    shown = crowds([gone("bia"), renamed, came("bia", "#tea"), gone("eva")], "a", "b", NOW)
    assert kinds(shown) == ["netsplit 1", "NickChanged", "netsplit 1", "Entered"]


def test_what_comes_late_is_put_together_by_channel_in_order() -> None:
    shown = late([said(3, "#tea"), said(9, "ana"), said(1, "#Tea"), said(2, "#cup")], NOW)
    assert kinds(shown) == ["Spoken", "late #tea 2", "late #cup 1"]
    assert isinstance(shown[1], c.Together)
    assert [one.hlc for one in shown[1].changes] == [1, 3]
