"""May they? Each function returns, or raises the domain's error that says why not."""

from __future__ import annotations

from tertulia.domain import errors as x
from tertulia.domain.channels import ADMIN, Channel
from tertulia.domain.identities import Identity
from tertulia.domain.masks import matches
from tertulia.domain.users import BROADCAST_INTERVAL_MS, User
from tertulia.domain.world import World


def is_admin(channel: Channel, user: User) -> bool:
    """Whether *user* may change *channel*."""
    return bool(channel.occupants.get(user.uid, 0) & ADMIN) or user.is_operator


def must_be_in(channel: Channel, user: User) -> None:
    """Only those in the channel."""
    if user.uid not in channel.occupants:
        raise x.NotInChannel(channel.name.text)


def must_be_admin(channel: Channel, user: User) -> None:
    """Only its admins, and operators of the server."""
    if user.is_operator:
        return
    must_be_in(channel, user)
    if not is_admin(channel, user):
        raise x.NotAdmin(channel.name.text)


def must_be_operator(user: User) -> None:
    """Only operators of the server."""
    if not user.is_operator:
        raise x.NotOperator


def can_be_reached(user: User) -> None:
    """What only the server of *user* can do is done only while it can be asked."""
    if user.is_cut_off:
        raise x.CutOff(user.nick.text)


def can_join(channel: Channel, user: User, proof: str | None, now: int) -> None:
    """*proof* is the password hash that the user's password was verified against; *now* is in
    Unix milliseconds."""
    name = channel.name.text
    if (wait_ms := _shut_out_ms(channel, user, now)) > 0:
        raise x.ShutOut(name, -(-wait_ms // 1000))
    invited = user.uid in channel.invited
    if is_banned(channel, user) and not invited:
        raise x.Banned(name)
    if "i" in channel.flags and not invited and not _any_matches(channel, "I", user):
        raise x.InviteOnly(name)
    if channel.key is not None and proof != channel.key:
        raise x.WrongPassword(name)
    if channel.limit is not None and len(channel.occupants) >= channel.limit and not invited:
        raise x.ChannelFull(name)


def can_invite(channel: Channel, user: User, whom: User | Identity, now: int) -> None:
    """May *user* bring *whom* into *channel*? Only its admins may bring in who is kept out, and
    anybody at all where it is invite-only; *now* is in Unix milliseconds."""
    must_be_in(channel, user)
    if "i" in channel.flags or is_banned(channel, whom) or _shut_out_ms(channel, whom, now) > 0:
        must_be_admin(channel, user)


def _shut_out_ms(channel: Channel, user: User | Identity, now: int) -> int:
    """Return how long *user* is shut out of *channel* yet, 0 or less for not at all."""
    return max(channel.shut_out.get(key, 0) for key in (user.uid, user.nick.folded)) - now


def can_say(channel: Channel, user: User) -> None:
    """May *user* say something in *channel*?"""
    rank = channel.occupants.get(user.uid)
    if rank or user.is_operator:
        # Admins, those with voice, and operators may speak, whatever the channel's modes.
        return
    if rank is None and "n" in channel.flags:
        raise x.CannotSend(channel.name.text, "you are not in it")
    if "m" in channel.flags:
        raise x.CannotSend(channel.name.text, "it is moderated")
    if channel.lists["b"] and is_banned(channel, user):
        raise x.CannotSend(channel.name.text, "you are banned")


def can_request(channel: Channel) -> None:
    """May anyone send a CTCP request or response to *channel*?"""
    if "C" in channel.flags:
        raise x.CannotSend(channel.name.text, "it takes no CTCP messages")


def can_set_topic(channel: Channel, user: User) -> None:
    """May *user* change the topic of *channel*?"""
    if not user.is_operator:
        must_be_in(channel, user)
    if "t" in channel.flags:
        must_be_admin(channel, user)


def can_wait(world: World, whom: User | Identity) -> None:
    """May one more message wait for *whom*?"""
    if world.state.waiting.count(whom.uid) >= world.rules.waiting_messages:
        raise x.TooManyWaiting(whom.nick.text)


def can_broadcast(world: World, user: User) -> None:
    """May *user* send a message to everyone now?"""
    rules = world.rules
    if user.is_operator:
        return
    if rules.broadcast == "operators":
        raise x.NotOperator
    unpaid = user.broadcasts_until - world.now()
    over = unpaid - (rules.broadcast_burst - 1) * BROADCAST_INTERVAL_MS
    if over > 0:
        raise x.TooManyBroadcasts(-(-over // 1000))


def is_banned(channel: Channel, user: User | Identity) -> bool:
    """Whether a ban matches *user*, and no exception does."""
    return _any_matches(channel, "b", user) and not _any_matches(channel, "e", user)


def _any_matches(channel: Channel, mode: str, user: User | Identity) -> bool:
    masks, face = channel.lists[mode], user.face
    return any(matches(mask, face.mask) for mask in masks)
