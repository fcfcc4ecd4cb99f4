"""Taking somebody off their server."""

from __future__ import annotations

from msgspec import Struct

from tertulia.domain import events as e
from tertulia.domain import policy
from tertulia.domain.text import short_text
from tertulia.domain.users import User
from tertulia.domain.world import World


class Kill(Struct, frozen=True):
    """Disconnect *whom*; only operators may."""

    whom: User
    reason: str = ""


def kill(world: World, actor: User, intent: Kill) -> list[e.Fact]:
    """Decide `Kill`; the server that *whom* is on does it."""
    policy.must_be_operator(actor)
    policy.can_be_reached(intent.whom)
    reason = short_text(intent.reason, world.rules.reason_bytes) or "no reason given"
    gone = e.Disconnected(intent.whom.face, f"Killed ({actor.nick} ({reason}))")
    return [e.Wanted(intent.whom.server, gone)]
