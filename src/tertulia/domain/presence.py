"""Who is on other servers: each of these is the authority for its own users.

What it tells are the facts that its users led to, or, when it cannot be known what was missed,
everybody who is there (`Resident`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN, RANKS, VOICE
from tertulia.domain.ids import NOWHERE, Conversation, Hlc, Uid, at_milliseconds
from tertulia.domain.names import Nickname, fold_name
from tertulia.domain.state import State
from tertulia.domain.users import User

_UNTOLD = Hlc(0)


class Place(Struct, frozen=True, array_like=True):
    """A channel that somebody is in: which incarnation of it, and of what rank."""

    channel: str
    incarnation: Conversation
    rank: int


class Resident(Struct, frozen=True, omit_defaults=True):
    """Somebody on another server, as it tells of them; *since* is in Unix milliseconds."""

    came: e.Connected
    since: int
    modes: str = ""
    away: str | None = None
    places: tuple[Place, ...] = ()


def residents(state: State, server: str) -> list[Resident]:
    """Return everybody on *server*, as it is known here."""
    return [_resident(state, user) for user in state.users.values() if user.server == server]


def _resident(state: State, user: User) -> Resident:
    came = e.Connected(
        user.face, user.username, user.host, user.realname, user.secure, user.protocol,
        claim=user.claim,
    )  # fmt: skip
    places = [
        Place(channel.name.text, channel.incarnation, channel.occupants[user.uid])
        for channel in user.channels.values()
    ]
    for name, absent in state.pending.items():
        if user.uid in absent:
            places.append(Place(name, *absent[user.uid]))
    return Resident(came, user.since, "".join(sorted(user.modes)), user.away, tuple(places))


def differences(
    state: State, server: str, everybody: Iterable[Resident], tag: int
) -> list[e.Event]:
    """Return what must have happened on *server* for *everybody* to be there as they are."""
    told = {one.came.face.uid: one for one in everybody}
    here = {user.uid: user for user in state.users.values() if user.server == server}
    found: list[e.Event] = []
    for uid, user in here.items():
        if uid not in told:
            found.append(_now(e.Disconnected(user.face, "Not there any more"), tag))
    for uid, resident in told.items():
        known = here.get(uid)
        if known is None:
            found += _arrival(resident, tag)
        else:
            found += _changes(known, resident, tag)
    return found


def _now(
    fact: e.Fact, tag: int, at: Hlc = _UNTOLD, conversation: Conversation = NOWHERE
) -> e.Event:
    return e.Event(at, conversation, fact, tag=tag)


def _arrival(resident: Resident, tag: int) -> list[e.Event]:
    face, at = resident.came.face, at_milliseconds(resident.since)
    found = [_now(resident.came, tag, at)]
    found += [_now(e.UserModeSet(face, mode, True), tag, at) for mode in resident.modes]
    if resident.away is not None:
        found.append(_now(e.AwaySet(face, resident.away), tag, at))
    for place in resident.places:
        found += _entrance(face, place, tag, at)
    return found


def _entrance(face: e.Face, place: Place, tag: int, at: Hlc) -> list[e.Event]:
    joined = e.Joined(face, place.channel, admin=bool(place.rank & ADMIN))
    found = [_now(joined, tag, at, place.incarnation)]
    if place.rank & VOICE:
        ranks = (e.RankChange(True, "v", face),)
        found.append(_now(e.RanksSet(face, place.channel, ranks), tag, at, place.incarnation))
    return found


def _changes(user: User, resident: Resident, tag: int) -> list[e.Event]:
    face = resident.came.face
    found: list[e.Event] = []
    if face != user.face:
        found.append(_now(e.Renamed(user.face, face), tag))
    if resident.away != user.away:
        found.append(_now(e.AwaySet(face, resident.away), tag))
    if resident.came.realname != user.realname:
        found.append(_now(e.RealnameSet(face, resident.came.realname), tag))
    modes = frozenset(resident.modes)
    found += [
        _now(e.UserModeSet(face, mode, mode in modes), tag) for mode in sorted(modes ^ user.modes)
    ]
    there = {fold_name(place.channel) for place in resident.places}
    for channel in user.channels.values():
        if channel.name.folded not in there:
            found.append(_now(e.Parted(face, channel.name.text, ""), tag))
    for place in resident.places:
        found += _stay(user, face, place, tag)
    return found


def _stay(user: User, face: e.Face, place: Place, tag: int) -> list[e.Event]:
    """Return what makes *user* be in a channel, of the right rank."""
    channel = user.channels.get(fold_name(place.channel))
    if channel is None:
        return _entrance(face, place, tag, _UNTOLD)
    wrong = channel.occupants[user.uid] ^ place.rank
    ranks = [
        e.RankChange(bool(place.rank & rank), mode, face)
        for mode, rank in RANKS.items()
        if wrong & rank
    ]
    if not ranks:
        return []
    return [_now(e.RanksSet(face, place.channel, tuple(ranks)), tag, _UNTOLD, place.incarnation)]


def subject(fact: e.Fact) -> Uid | None:
    """Return whom *fact*, one that is shared, is about: only their server can tell it."""
    match fact:
        case e.Connected(face=face) | e.Disconnected(face=face) | e.Kicked(whom=face):
            return face.uid
        case e.RanksSet():
            return None  # several, each looked at by itself
        case _:
            by: e.Face = fact.by  # type: ignore[attr-defined]  # all others have one
            return by.uid


def is_first(state: State, one: User, other: User) -> bool:
    """Whether *one* keeps a nickname that *other* has too, or one that looks like it.

    Whoever has an identity of that nickname does, else who took it first.
    """
    mine, theirs = (_owns(state, user) for user in (one, other))
    if mine != theirs:
        return mine
    return (one.claim, one.uid) < (other.claim, other.uid)


def _owns(state: State, user: User) -> bool:
    identity = state.identities.get(user.uid)
    return identity is not None and identity.nick.text == user.nick.text


def another_nickname(state: State, face: e.Face) -> e.Face:
    """Return *face* with the nickname that its user gets on all servers when somebody else
    keeps theirs."""
    digest = hashlib.blake2b(face.uid.encode(), digest_size=8).hexdigest()
    base = face.nick.partition("_")[0][:20] or "user"
    for length in range(4, 17):
        nick = f"{base}_{digest[:length]}"
        other = state.lookalike(Nickname.parse(nick))
        if other is None or other.uid == face.uid:
            break
    mask = nick + face.mask[len(face.nick) :]
    return replace(face, nick=nick, mask=mask)
