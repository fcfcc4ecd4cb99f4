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
from tertulia.domain.channels import ADMIN, VOICE
from tertulia.domain.ids import NOWHERE, Conversation, Hlc, Uid, msgid, parse_msgid
from tertulia.domain.names import Nickname, fold_name
from tertulia.domain.state import State
from tertulia.domain.users import Place, User, graded

_UNTOLD = Hlc(0)


class Resident(Struct, frozen=True, omit_defaults=True):
    """Somebody on another server, as it tells of them: how and when they *came*, and what they
    are now."""

    came: e.Connected
    at: Hlc
    modes: str = ""
    away: str | None = None
    places: tuple[Place, ...] = ()


def residents(state: State, server: str) -> list[Resident]:
    """Return everybody on *server*, as it is known here."""
    shown = [resident(state, user) for user in state.users.values() if user.server == server]
    hidden = [told[server] for told in state.shadows.values() if server in told]
    return shown + hidden


def resident(state: State, user: User) -> Resident:
    told = state.displaced.get(user.uid, user.face)
    came = e.Connected(
        told, user.username, user.host, user.realname, user.secure, user.protocol,
        claim=user.claim,
    )  # fmt: skip
    places = tuple(user.places.values())
    return Resident(came, user.came, "".join(sorted(user.modes)), user.away, places)


def differences(
    state: State, server: str, everybody: Iterable[Resident], tag: int, now: Hlc
) -> list[e.Event]:
    """Return what must have happened on *server* for *everybody* to be there as they are.

    Nobody knows when: it has happened *now*.
    """
    told = {one.came.face.uid: one for one in everybody}
    here = {user.uid: user for user in state.users.values() if user.server == server}
    found: list[e.Event] = []
    for uid, shadows in state.shadows.items():
        if server in shadows and shadows[server] != told.get(uid):
            found.append(_at(now, e.Disconnected(shadows[server].came.face, ""), tag))
    for uid, user in here.items():
        if uid not in told:
            found.append(_at(now, e.Disconnected(user.face, "Not there any more"), tag))
    arrived: list[e.Event] = []
    for uid, resident in told.items():
        known = here.get(uid)
        if known is None and state.shadows.get(uid, {}).get(server) == resident:
            continue
        if known is not None and known.came != resident.at:  # they went and came again
            found.append(_at(now, e.Disconnected(known.face, "Came again"), tag))
            known = None
        if known is None:
            arrived += arrival(resident, tag, now)
        else:
            found += _changes(known, state.displaced.get(uid, known.face), resident, tag, now)
    # Who has come may have the nickname that somebody else has given up.
    return found + arrived


def _at(at: Hlc, fact: e.Fact, tag: int, conversation: Conversation = NOWHERE) -> e.Event:
    return e.Event(at, conversation, fact, tag=tag)


def arrival(resident: Resident, tag: int, now: Hlc) -> list[e.Event]:
    """Return what must have happened for *resident*, who was not there, to be so *now*."""
    face = resident.came.face
    found = [_at(resident.at, resident.came, tag)]
    found += [_at(now, e.UserModeSet(face, mode, True), tag) for mode in resident.modes]
    if resident.away is not None:
        found.append(_at(now, e.AwaySet(face, resident.away), tag))
    for place in resident.places:
        found += _entrance(face, place, tag, now)
    return found


def _entrance(face: e.Face, place: Place, tag: int, now: Hlc) -> list[e.Event]:
    joined = e.Joined(face, place.channel, admin=bool(place.rank & ADMIN))
    found = [_at(now, joined, tag, place.incarnation)]
    if place.rank & VOICE:
        ranks = (e.RankChange(True, "v", face),)
        found.append(_at(now, e.RanksSet(face, place.channel, ranks), tag, place.incarnation))
    return found


def _changes(user: User, told: e.Face, resident: Resident, tag: int, now: Hlc) -> list[e.Event]:
    face = resident.came.face
    found: list[e.Event] = []
    taken = place_of(resident.came.claim)
    if face != told or taken != place_of(user.claim):  # they may have given it up meanwhile
        found.append(_at(taken, e.Renamed(told, face), tag))
    if resident.away != user.away:
        found.append(_at(now, e.AwaySet(face, resident.away), tag))
    if resident.came.realname != user.realname:
        found.append(_at(now, e.RealnameSet(face, resident.came.realname), tag))
    modes = frozenset(resident.modes)
    found += [
        _at(now, e.UserModeSet(face, mode, mode in modes), tag)
        for mode in sorted(modes ^ user.modes)
    ]
    there = {fold_name(place.channel): place for place in resident.places}
    for name, place in user.places.items():
        if name not in there:
            found.append(_at(now, e.Parted(face, place.channel, ""), tag))
    for name, place in there.items():
        if user.places.get(name) != place:
            found += _entrance(face, place, tag, now)
    return found


def place_of(claim: str) -> Hlc:
    """Return when a nickname was taken."""
    place = parse_msgid(claim)
    return _UNTOLD if place is None else place[0]


def changed(resident: Resident, event: e.Event) -> Resident:
    """Return what *resident* is after *event*, which is about them."""
    places = {fold_name(place.channel): place for place in resident.places}
    match event.fact:
        case e.Renamed(now=face):
            claim = msgid(event.hlc, event.tag)
            return replace(resident, came=replace(resident.came, face=face, claim=claim))
        case e.AwaySet(message=message):
            return replace(resident, away=message)
        case e.RealnameSet(realname=realname):
            return replace(resident, came=replace(resident.came, realname=realname))
        case e.UserModeSet(mode=mode, on=on):
            modes = frozenset(resident.modes) | {mode} if on else frozenset(resident.modes) - {mode}
            return replace(resident, modes="".join(sorted(modes)))
        case e.Joined(channel=name, admin=admin):
            places[fold_name(name)] = Place(name, event.conversation, ADMIN if admin else 0)
        case e.Parted(channel=name) | e.Kicked(channel=name):
            places.pop(fold_name(name), None)
        case e.RanksSet(channel=name, ranks=ranks):
            place = places.get(fold_name(name))
            for one in ranks:
                if place is not None and one.whom.uid == resident.came.face.uid:
                    place = graded(place, event.conversation, one)
                    places[fold_name(name)] = place
    return replace(resident, places=tuple(places.values()))


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


def concerned(fact: e.Fact) -> list[Uid]:
    """Return whom *fact*, one that is shared, is about."""
    if isinstance(fact, e.RanksSet):
        return [one.whom.uid for one in fact.ranks]
    uid = subject(fact)
    return [] if uid is None else [uid]


def is_first(one: User, other: User) -> bool:
    """Whether *one* keeps a nickname that *other* has too, or one that looks like it.

    Whoever has an identity does, because it is called so, else who took it first. By whom it is
    told when that was does not matter, so that all servers agree.
    """
    return _precedence(one) < _precedence(other)


def _precedence(user: User) -> tuple[bool, Hlc, Uid]:
    return not user.durable, place_of(user.claim), user.uid


def another_nickname(state: State, face: e.Face) -> e.Face:
    """Return *face* with the nickname that its user gets on all servers when somebody else
    keeps theirs."""
    digest = hashlib.blake2b(face.uid.encode(), digest_size=8).hexdigest()
    base = face.nick.partition("_")[0][:20] or "user"
    for length in range(4, 17):
        nick = f"{base}_{digest[:length]}"
        other = state.lookalike(Nickname.parse(nick))
        # Somebody may give up one that they got in this way, too.
        if nick != face.nick and (other is None or other.uid == face.uid):
            break
    mask = nick + face.mask[len(face.nick) :]
    return replace(face, nick=nick, mask=mask)
