"""What was said as a line: like irssi's, and harmless."""

import pytest

from tertulia.domain import events as e
from tertulia.domain.history import describe
from tertulia.domain.ids import Hlc, Uid
from tertulia.domain.text import Text
from tertulia.domain.transcript import line

ANA = e.Face(Uid("s1"), "ana", "0000000000001", "ana!u@h")
BOB = e.Face(Uid("s2"), "bob", "0000000000002", "bob!u@h")


def said(text, style=0, status=""):
    return e.Said(ANA, "#tea", style, text, status=status)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (said("oi"), "<ana> oi"),
        (said("pours tea", e.Style.ACTION), "* ana pours tea"),
        (said("careful", e.Style.NOTICE), "-ana- careful"),
        (said("admins only", status="@"), "<ana:@> admins only"),
        (said("bob", e.Style.POKE), "* ana pokes bob"),
        (said("VERSION", e.Style.REQUEST), "-!- ana asked by CTCP: VERSION"),
        (said("VERSION 1", e.Style.RESPONSE), "-!- ana answered by CTCP: VERSION 1"),
        (said("\x02bo\x0304,05ld\x0f \x1b[31mred\x07"), "<ana> bold [31mred"),
        (said("a\r\nb\u2028c"), "<ana> a  b c"),
        (said("a\u202eb \u2067c\u2069 שלום"), "<ana> ab c שלום"),
        (e.Joined(ANA, "#tea"), "-!- ana joined"),
        (e.Parted(ANA, "#tea", ""), "-!- ana left"),
        (e.Parted(ANA, "#tea", "good\x1b[2Jbye"), "-!- ana left (good[2Jbye)"),
        (e.Parted(ANA, "#tea", "Ping timeout", quit=True), "-!- ana quit (Ping timeout)"),
        (e.Kicked(ANA, "#tea", BOB, "noise"), "-!- bob was kicked by ana (noise)"),
        (
            e.TopicSet(ANA, "#tea", Text("chá \x02às")),
            "-!- ana changed the topic to: chá às",
        ),
        (e.TopicSet(ANA, "#tea", Text("")), "-!- ana removed the topic"),
        (
            e.ModesSet(ANA, "#tea", (e.ModeChange(True, "k", "$hash"), e.ModeChange(False, "m"))),
            "-!- ana set +k * -m",
        ),
        (e.RanksSet(ANA, "#tea", (e.RankChange(True, "o", BOB),)), "-!- ana set +o bob"),
    ],
)
def test_a_line(fact, expected):
    assert line(describe(Hlc(1), "", fact)) == expected
