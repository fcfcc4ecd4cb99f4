"""Saying something: in a channel, to a user, or to everyone."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from tertulia.domain import errors as x
from tertulia.domain import events as e
from tertulia.domain import policy
from tertulia.domain.channels import Channel
from tertulia.domain.identities import Identity
from tertulia.domain.ids import Uid
from tertulia.domain.text import Text
from tertulia.domain.users import User
from tertulia.domain.world import World


class Say(Struct, frozen=True, gc=False):
    """Say *text* to *target*; *style* is a `Style`.

    The target is a channel, a user, an identity whose user is not here, everyone on every
    server (``*``) or everyone on this one (``&``). With *status* (``@`` or ``+``) only those of
    that rank are meant. With *receipt* the one who says it is told when it was delivered, but
    for what is said to everyone.
    """

    target: Channel | User | Identity | Literal["*", "&"]
    text: Text
    style: int = e.Style.SAY
    tags: dict[str, str] | None = None
    status: str = ""
    client_id: str | None = None
    receipt: bool = False


def say(world: World, actor: User, intent: Say) -> list[e.Fact]:
    """Decide `Say`."""
    target, style, waits, receipt = intent.target, intent.style, False, intent.receipt
    put_by: tuple[Uid, ...] = ()
    if isinstance(target, Channel):
        policy.can_say(target, actor)
        if style in (e.Style.REQUEST, e.Style.RESPONSE):
            policy.can_request(target)
        name, to = target.name.text, None
        if target.members and not intent.status and style in e.WAITING_STYLES:
            put_by = _absent_members(world, target, actor)
    elif isinstance(target, User):
        name, to = target.nick.text, target.uid
        waits = waits_for(target) and style in e.WAITING_STYLES
        if target.is_cut_off and not waits:
            raise x.CutOff(name)
        if waits:
            policy.can_wait(world, target)
    elif isinstance(target, Identity):
        name, to, waits = target.nick.text, target.uid, True
        if style not in e.WAITING_STYLES:
            raise x.NoSuchUser(name)
        policy.can_wait(world, target)
    else:
        policy.can_broadcast(world, actor)
        # Everyone who is here would send one.
        name, to, receipt = target, None, False
    if style == e.Style.TAGS:
        return [e.Signalled(actor.face, name, intent.tags or {}, to, intent.status)]
    receipt = receipt and style in e.WAITING_STYLES
    said = e.Said(
        actor.face, name, style, intent.text, to, intent.tags, intent.status, waits, receipt, put_by
    )
    return [said]


def waits_for(whom: User | Identity) -> bool:
    """Whether what is meant for *whom* goes by way of the disk.

    Whoever has an identity and is on another server may be gone from there when it arrives.
    """
    if isinstance(whom, Identity):
        return True
    return whom.catching_up or (whom.durable and bool(whom.server))


def _absent_members(world: World, channel: Channel, actor: User) -> tuple[Uid, ...]:
    """Return the members who are handed what is said in *channel* by way of the disk."""
    is_bare = world.state.identities.is_bare
    return tuple(sorted(uid for uid in channel.members if is_bare(uid) and uid != actor.uid))
