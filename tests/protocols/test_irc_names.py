"""The kept list of a channel is the list that one would make afresh."""

import pytest
from hypothesis import given, settings

from tertulia.domain.channels import Channel
from tertulia.domain.commands.kick import Kick
from tertulia.domain.commands.modes import SetRank
from tertulia.domain.commands.part import Part
from tertulia.domain.commands.profile import SetUserMode
from tertulia.domain.commands.rename import Rename
from tertulia.domain.names import Nickname
from tertulia.protocols.irc.names import (
    CACHED_MOST,
    CHUNK_BYTES,
    NamesCache,
    in_lines,
    prefix,
    visible_chunks,
)
from tests.domain.kit import SCRIPTS, Room, play

KINDS = [(signs, masks) for signs in (False, True) for masks in (False, True)]


def fresh(room: Room, channel: Channel, all_signs: bool, masks: bool) -> list[str]:
    """Who is in a channel, name by name."""
    return [
        prefix(rank, all_of_them=all_signs) + (user.face.mask if masks else user.nick.text)
        for user, rank in room.state.occupants(channel)
    ]


def check(room: Room, cache: NamesCache) -> None:
    for channel in room.state.channels.values():
        for all_signs, masks in KINDS:
            chunks = cache.chunks(room.state, channel, all_signs=all_signs, masks=masks)
            assert " ".join(chunks).split() == fresh(room, channel, all_signs, masks)
            assert all(0 < len(chunk.encode()) <= CHUNK_BYTES for chunk in chunks)
            anew = NamesCache().chunks(room.state, channel, all_signs=all_signs, masks=masks)
            assert chunks == anew


def run(script: list) -> None:
    room, cache = Room(), NamesCache()
    room.lobby()
    for nick in ("ana", "bob", "carol"):
        room.user(nick, "#tea", "#lobby")
    check(room, cache)
    for who, action in script:
        play(room, who, *action)
        check(room, cache)


@given(SCRIPTS)
def test_the_kept_list_is_true_whatever_happens(script):
    run(script)


@pytest.mark.fuzz
@settings(settings.get_profile("fuzz"), max_examples=2_000)
@given(SCRIPTS)
def test_the_kept_list_is_true_whatever_happens_at_length(script):
    run(script)


def test_many_come_go_and_are_called_otherwise():
    room, cache = Room(), NamesCache()
    admin = room.user("admin", "#tea")
    channel = room.channel("#tea")
    users = [room.user(f"user{i}", "#tea") for i in range(200)]
    check(room, cache)
    for i, user in enumerate(users):
        match i % 8:
            case 0:
                room.do(user, Part(channel))
            case 1:
                room.do(user, Rename(Nickname.parse(f"other{i}")))
            case 2:
                room.do(admin, SetRank(channel, ((True, "ov"[i % 16 == 2], user),)))
            case 3:
                room.do(admin, Kick(channel, user, ""))
            case 4:
                room.user(f"late{i}", "#tea")
            case _:
                continue
        check(room, cache)


def test_what_is_appended_does_not_begin_the_list_again():
    room, cache = Room(), NamesCache()
    room.user("ana", "#tea")
    channel = room.channel("#tea")
    before = cache.chunks(room.state, channel, all_signs=False, masks=False)
    room.user("bob", "#tea")
    after = cache.chunks(room.state, channel, all_signs=False, masks=False)
    assert after is before
    assert after == ["@ana bob"]


def test_only_so_many_lists_are_kept():
    room, cache = Room(), NamesCache()
    ana = room.user("ana")
    for i in range(CACHED_MOST + 5):
        channel = Room(seed=i).lobby()
        channel.incarnation = type(channel.incarnation)(1000 + i)
        channel.occupants[ana.uid] = 0
        chunks = cache.chunks(room.state, channel, all_signs=False, masks=False)
        assert chunks == ["ana"]
    assert len(cache._lists) == CACHED_MOST


def test_strangers_do_not_see_who_is_invisible():
    room = Room()
    room.user("ana", "#tea")
    bob = room.user("bob", "#tea")
    room.do(bob, SetUserMode("i", True))
    channel = room.channel("#tea")
    assert visible_chunks(room.state, channel, all_signs=True, masks=False) == ["@ana"]
    assert visible_chunks(room.state, channel, all_signs=True, masks=True) == [
        "@ana!user@host.example"
    ]


def test_signs_of_ranks():
    assert [prefix(rank) for rank in range(4)] == ["", "+", "@", "@"]
    assert [prefix(rank, all_of_them=True) for rank in range(4)] == ["", "+", "@", "@+"]


def test_words_in_lines():
    words = [f"word{i}" for i in range(300)]
    lines = list(in_lines(words, 60))
    assert " ".join(lines).split() == words
    assert all(len(line) <= 60 for line in lines)
    assert len(lines) < 45
