"""Those who are on another server, as it tells of them."""

from tertulia.domain import events as e
from tertulia.domain.channels import ADMIN
from tertulia.domain.chat import Chat
from tertulia.domain.ids import Hlc, Uid, at_milliseconds
from tertulia.domain.presence import Resident, arrival
from tertulia.domain.users import Place, User

NORTH = "aa" * 16


def abroad(
    chat: Chat, nick: str, *channels: str, server: str = NORTH, name: str = "north.example"
) -> User:
    """Let somebody be on another server, and there in these channels; an @ makes them admin."""
    state = chat.state
    state.servers[server] = name
    uid, number = Uid(f"far-{nick}"), f"{len(state.users):013}"
    face = e.Face(uid, nick, number, f"{nick}!{nick}@far.example")
    came = e.Connected(face, nick, "far.example", f"Real {nick}", False, "irc", claim="")
    places = []
    for channel in channels:
        known = state.channel_named(channel.lstrip("@"))
        assert known is not None
        rank = ADMIN if channel.startswith("@") else 0
        places.append(Place(known.name.text, known.incarnation, rank))
    resident = Resident(came, Hlc(1 << 16), places=tuple(places))
    for event in arrival(resident, 0, at_milliseconds(chat.world.now())):
        chat.tell(server, event)
    return state.users[uid]
