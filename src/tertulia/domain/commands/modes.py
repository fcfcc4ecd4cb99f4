"""Changing the settings of a channel, its mask lists, and the ranks of those in it."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain import policy
from tertulia.domain.channels import FLAGS, LISTS, RANKS, Channel
from tertulia.domain.ids import Uid, is_durable
from tertulia.domain.masks import normal_mask
from tertulia.domain.users import User
from tertulia.domain.world import World

MASK_BYTES = 200
LIMIT_MOST = 1_000_000


class SetModes(Struct, frozen=True):
    """Switch *modes* of *channel*; a password comes as its hash, a limit as digits."""

    channel: Channel
    modes: tuple[e.ModeChange, ...]


class SetRank(Struct, frozen=True):
    """Make *whom* an admin of *channel* (*mode* ``o``) or give voice (``v``), or undo it."""

    channel: Channel
    whom: tuple[tuple[bool, str, User], ...]


def set_modes(world: World, actor: User, intent: SetModes) -> list[e.Fact]:
    """Decide `SetModes`; what is so already is left out."""
    channel = intent.channel
    policy.must_be_admin(channel, actor)
    modes: list[e.ModeChange] = []
    added = dict.fromkeys(LISTS, 0)
    for change in intent.modes:
        change = _checked(world, channel, change, added)
        if not _makes_a_difference(channel, change, modes):
            continue
        modes.append(change)
        if change.mode in LISTS:
            added[change.mode] += 1 if change.on else -1
    return [e.ModesSet(actor.face, channel.name.text, tuple(modes))] if modes else []


def _checked(
    world: World, channel: Channel, change: e.ModeChange, added: dict[str, int]
) -> e.ModeChange:
    mode, name = change.mode, channel.name.text
    if mode in LISTS:
        mask = normal_mask(change.value or "")
        if (
            not change.value
            or not mask.isprintable()
            or " " in mask
            or len(mask.encode()) > MASK_BYTES
        ):
            raise x.ModeRefused(name, mode, "this is not a mask")
        masks = len(channel.lists[mode]) + added[mode]
        if change.on and masks >= world.rules.masks_per_list:
            raise x.ListFull(name, mode, mask)
        return e.ModeChange(change.on, mode, mask)
    if channel.is_lobby and change.on and mode in "ki":
        raise x.ModeRefused(name, mode, "it is open to everyone")
    if mode == "l" and change.on and not _is_limit(change.value):
        raise x.ModeRefused(name, mode, f"a limit is a number from 1 to {LIMIT_MOST}")
    assert mode in FLAGS or mode in "kl"
    # To take a password away some clients send it; it must not get into the log.
    return change if change.on and mode in "kl" else e.ModeChange(change.on, mode)


def _is_limit(value: str | None) -> bool:
    return (
        value is not None
        and value.isascii()
        and value.isdigit()
        and len(value) < 10
        and 1 <= int(value) <= LIMIT_MOST
    )


def _makes_a_difference(
    channel: Channel, change: e.ModeChange, earlier: list[e.ModeChange]
) -> bool:
    mode, on = change.mode, change.on
    for before in reversed(earlier):
        if before.mode == mode and (mode not in LISTS or before.value == change.value):
            return before != change
    if mode in LISTS:
        return on != (change.value in channel.lists[mode])
    if mode == "k":
        return on or channel.key is not None
    if mode == "l":
        return channel.limit != int(change.value or 0) if on else channel.limit is not None
    return on != (mode in channel.flags)


def set_rank(_world: World, actor: User, intent: SetRank) -> list[e.Fact]:
    """Decide `SetRank`; the lobby has no admins, so only operators may there."""
    channel = intent.channel
    policy.must_be_admin(channel, actor)
    ranks: list[tuple[User, e.RankChange]] = []
    ranked: dict[Uid, int] = {}
    for on, mode, whom in intent.whom:
        held = ranked.get(whom.uid, channel.occupants.get(whom.uid))
        if held is None:
            raise x.UserNotInChannel(whom.nick.text, channel.name.text)
        if bool(held & RANKS[mode]) != on:
            ranks.append((whom, e.RankChange(on, mode, whom.face)))
            ranked[whom.uid] = held ^ RANKS[mode]
    return _by_authority(actor, channel.name.text, ranks)


def _by_authority(actor: User, name: str, ranks: list[tuple[User, e.RankChange]]) -> list[e.Fact]:
    """Return what lasts, what happens here, and what is wanted of other servers.

    Of ranks that last no longer than their users stay, the server of these knows.
    """
    lasting = [one for _, one in ranks if one.mode == "o" and is_durable(one.whom.uid)]
    facts: list[e.Fact] = [e.AdminsSet(actor.face, name, tuple(lasting))] if lasting else []
    elsewhere: dict[str, list[e.RankChange]] = {}
    for whom, one in ranks:
        if one not in lasting:
            policy.can_be_reached(whom)
            elsewhere.setdefault(whom.server, []).append(one)
    for server, changes in elsewhere.items():
        fact = e.RanksSet(actor.face, name, tuple(changes))
        facts.append(e.Wanted(server, fact) if server else fact)
    return facts
