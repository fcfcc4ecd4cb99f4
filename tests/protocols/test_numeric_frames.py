"""What numeric clients are sent, byte for byte."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.domain import changes as c
from tertulia.domain.channels import Channel
from tertulia.domain.events import SENT_TAG, Face, Style
from tertulia.domain.ids import LOBBY, Hlc, Uid
from tertulia.domain.names import ChannelName, Number
from tertulia.domain.state import State
from tertulia.domain.text import Text, neutral
from tertulia.protocols.numeric.frames import (
    OLD_BYTES,
    Frames,
    NumericFlavour,
    assigned,
    cut_frames,
)
from tertulia.protocols.numeric.parser import STRICT_BYTES, TEXT_CHARACTERS, BadFrame, Send, decode
from tertulia.protocols.words import readable

ME, ANA, GROUP = "0000400000001", "0000400000002", "1000400000003"
SECONDS, SENT = "1700000000", "1600000000"
HLC = Hlc(1_700_000_000_999 << 16)
BY = Face(Uid(ANA), f"n{ANA}", ANA, "n!n@h")


class Me:
    number = ME


def maker(padded_to: int | None = None) -> Frames:
    state = State()
    lobby = Channel(ChannelName.parse("#tea"), Number(GROUP), LOBBY, 0)
    state.restore_channel(lobby)
    frames = Frames(state, Me())  # type: ignore[arg-type]
    if padded_to is not None:
        frames.pad(padded_to)
    return frames


def spoken(text: str, target: str = "me", style: int = Style.SAY, sent: str | None = SENT):
    tags = None if sent is None else {SENT_TAG: sent}
    return c.Spoken(HLC, "id", BY, target, style, Text(text), tags, "")


def rendered(change: c.Change, padded_to: int | None = None) -> list[str]:
    return [frame.decode() for frame in cut_frames(maker(padded_to).render(change))]


def test_02_tells_a_number():
    assert cut_frames(assigned(Number(ME))) == [f"02{ME}".encode()]


def test_06_is_a_message_with_the_time_of_its_sender():
    assert rendered(spoken("olá")) == [f"06{ANA}{ME}{SENT}olá"]


@pytest.mark.parametrize("sent", [None, "", "12", "160000000x", "16000000000", "١٦٠٠٠٠٠٠٠٠"])
def test_06_has_the_time_of_the_server_where_the_sender_told_none(sent):
    assert rendered(spoken("hello", sent=sent)) == [f"06{ANA}{ME}{SECONDS}hello"]


@pytest.mark.parametrize(("target", "number"), [("#tea", GROUP), ("#TEA", GROUP), ("*", ME)])
def test_06_names_the_group(target, number):
    assert rendered(spoken("hello", target)) == [f"06{ANA}{number}{SENT}hello"]


def test_06_of_what_only_others_have_a_word_for():
    assert rendered(spoken("waves", style=Style.ACTION)) == [f"06{ANA}{ME}{SENT}* n{ANA} waves"]
    assert rendered(spoken("bob", style=Style.POKE)) == [f"06{ANA}{ME}{SENT}* n{ANA} pokes bob"]
    assert rendered(spoken("hey", style=Style.NOTICE)) == [f"06{ANA}{ME}{SENT}hey"]
    assert rendered(spoken("VERSION", style=Style.REQUEST)) == []


def test_06_tells_who_was_kicked_out():
    kicked = c.Expelled(HLC, "id", BY, "#tea", Face(Uid(ME), f"n{ME}", ME, ""), "enough")
    text = f"n{ANA} kicked n{ME} out of #tea: enough"
    assert rendered(kicked) == [f"06{ANA}{GROUP}{SECONDS}{text}"]


def test_07_tells_that_a_message_arrived_and_is_padded():
    for about in (ANA, GROUP):
        change = c.Acknowledged(HLC, "id", BY, Uid(ME), "me", about, "id", 5000, seen=False)
        assert rendered(change) == [f"07{about}{SECONDS}".ljust(OLD_BYTES)]


@pytest.mark.parametrize(("at", "seconds"), [(5000, "0000000005"), (9_999_999_999_000, "9" * 10)])
def test_09_tells_until_when_somebody_has_read_and_is_padded(at, seconds):
    change = c.Acknowledged(HLC, "id", BY, Uid(ME), "me", ME, "", at, seen=True)
    assert rendered(change) == [f"09{ANA}{seconds}".ljust(OLD_BYTES)]


def test_11_tells_the_members():
    change = c.Gathered(HLC, "id", BY, "#tea", GROUP, (BY,), (ANA, ME))
    assert rendered(change) == [f"11{GROUP}{SECONDS}{ANA}{ME}"]


def test_what_else_happens_is_not_told():
    assert rendered(c.Departed(HLC, "id", BY, "#tea", "bye")) == []
    assert NumericFlavour().render(spoken("hello")) == b""


def test_who_reads_by_line_gets_nothing_padded():
    change = c.Acknowledged(HLC, "id", BY, Uid(ME), "me", ANA, "id", 0, seen=False)
    assert maker(0).render(change) == f"07{ANA}{SECONDS}\n".encode()


@given(st.text(max_size=3000).map(neutral).filter(str.strip), st.sampled_from([None, 0, 256]))
def test_any_text_is_told_in_frames_that_fit(text, padded_to):
    frames = maker(padded_to).render(spoken(text))
    assert b"\n" not in frames.replace(b"\n06", b"").removesuffix(b"\n")
    told = ""
    for frame in cut_frames(frames):
        assert len(frame) <= OLD_BYTES
        assert padded_to != 256 or len(frame) == STRICT_BYTES
        # As a client would send it.
        sent = decode(frame.replace(b"06", b"05", 1))
        assert isinstance(sent, Send), sent
        assert (sent.source, sent.target, sent.timestamp) == (ANA, ME, SENT)
        assert len(sent.text) <= TEXT_CHARACTERS
        told += frame[38:].decode()
    # Of what is padded nobody can tell where there were spaces at the end of a part.
    spaces = " " if padded_to == 256 else ""
    assert told.replace(spaces, "") == readable(text).replace(spaces, "")


@pytest.mark.parametrize("text", ["x" * 500, "é" * 500, "🕯" * 500, "word " * 100])
def test_long_texts_are_told_in_several_frames(text):
    frames = rendered(spoken(text.strip()))
    assert len(frames) == 3
    assert "".join(frame[38:] for frame in frames) == text.strip()
    assert all(len(frame[38:]) <= TEXT_CHARACTERS for frame in frames)


def test_a_text_is_parted_where_there_is_a_space():
    frames = rendered(spoken("a" * 150 + " " + "b" * 150))
    assert [frame[38:] for frame in frames] == ["a" * 150 + " ", "b" * 150]


def test_a_text_like_a_frame_stays_text():
    frame = f"07{ANA}{SECONDS}"
    assert rendered(spoken(frame)) == [f"06{ANA}{ME}{SENT}{frame}"]


# Those who pad


def test_who_pads_gets_frames_of_256_bytes():
    receipt = c.Acknowledged(HLC, "id", BY, Uid(ME), "me", ANA, "id", 0, seen=False)
    for change in (receipt, spoken("olá"), spoken("é" * 218), spoken("🕯" * 218)):
        for frame in cut_frames(maker(256).render(change)):
            assert len(frame) == STRICT_BYTES


@pytest.mark.parametrize("members", [1, 17, 18, 76])
def test_who_pads_gets_a_large_group_in_a_multiple(members):
    everyone = tuple(f"{n:013}" for n in range(members))
    change = c.Gathered(HLC, "id", BY, "#tea", GROUP, (BY,), everyone)
    [frame] = cut_frames(maker(256).render(change))
    assert len(frame) % STRICT_BYTES == 0
    assert frame.decode().rstrip() == f"11{GROUP}{SECONDS}{''.join(everyone)}"
    [frame] = cut_frames(maker().render(change))
    assert len(frame) <= OLD_BYTES


def test_a_frame_that_is_sent_is_none_that_is_taken():
    assert isinstance(decode(f"06{ANA}{ME}{SENT}x".encode()), BadFrame)


def test_a_time_that_somebody_made_up_does_not_widen_a_receipt():
    user = SimpleNamespace(number="0000000000002")
    frames = Frames(State(), user)  # type: ignore[arg-type]
    by = Face(Uid("0000000000001"), "ana", "0000000000001", "ana!u@h")
    read = c.Acknowledged(Hlc(1), "id", by, Uid(user.number), "bob", by.number, "", 1 << 47, True)
    assert frames.render(read) == b"0900000000000019999999999".ljust(OLD_BYTES) + b"\n"
