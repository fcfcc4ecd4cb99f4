"""The lists of who is in a channel, kept from one NAMES to the next.

A thousand clients that join a channel of thousands each get the whole list; it is put
together once, and who comes in is only appended.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import islice

from tertulia.domain.channels import ADMIN, VOICE, Channel
from tertulia.domain.state import State
from tertulia.domain.users import User

CHUNK_BYTES = 380
"""What fits in a line beside the longest server, nickname and channel names."""
CACHED_MOST = 256


def prefix(rank: int, *, all_of_them: bool = False) -> str:
    """Return the sign of a rank: ``@``, ``+`` or nothing; with multi-prefix perhaps both."""
    signs = ("@" if rank & ADMIN else "") + ("+" if rank & VOICE else "")
    return signs if all_of_them else signs[:1]


class _Cached:
    """The list of one channel, for one kind of client."""

    __slots__ = ("chunks", "count", "last_bytes", "revision")

    def __init__(self, revision: int) -> None:
        self.revision = revision
        self.count = 0
        self.chunks: list[str] = []
        self.last_bytes = CHUNK_BYTES + 1

    def add(self, name: str) -> None:
        size = len(name.encode()) + 1
        if self.last_bytes + size > CHUNK_BYTES:
            self.chunks.append(name)
            self.last_bytes = size
        else:
            self.chunks[-1] += f" {name}"
            self.last_bytes += size
        self.count += 1


class NamesCache:
    """Lists of occupants, in chunks that fit in a line."""

    def __init__(self) -> None:
        self._lists: OrderedDict[tuple[int, bool, bool], _Cached] = OrderedDict()

    def chunks(self, state: State, channel: Channel, *, all_signs: bool, masks: bool) -> list[str]:
        """Return who is in *channel*: with all signs of their rank (multi-prefix), with
        ``nick!user@host`` (userhost-in-names)."""
        key = (channel.incarnation, all_signs, masks)
        cached = self._lists.get(key)
        if cached is None or cached.revision != channel.revision:
            cached = self._lists[key] = _Cached(channel.revision)
        self._lists.move_to_end(key)
        if len(self._lists) > CACHED_MOST:
            self._lists.popitem(last=False)
        occupants = channel.occupants
        fresh = list(islice(reversed(occupants.items()), len(occupants) - cached.count))
        for uid, rank in reversed(fresh):
            user = state.users[uid]
            name = user.face.mask if masks else user.nick.text
            cached.add(prefix(rank, all_of_them=all_signs) + name)
        return cached.chunks


def visible_chunks(state: State, channel: Channel, *, all_signs: bool, masks: bool) -> list[str]:
    """Return what someone outside sees: those who are not invisible (+i)."""
    listed = _Cached(0)
    for user, rank in state.occupants(channel):
        if not is_invisible(user):
            name = user.face.mask if masks else user.nick.text
            listed.add(prefix(rank, all_of_them=all_signs) + name)
    return listed.chunks


def is_invisible(user: User) -> bool:
    """Whether only those who share a channel with *user* find them in lists (+i)."""
    return "i" in user.modes


def in_lines(words: Iterable[str], room: int = CHUNK_BYTES, separator: str = " ") -> Iterator[str]:
    """Yield *words* joined by *separator*, as many as fit in *room* bytes."""
    line = ""
    for word in words:
        if line and len(line.encode()) + len(word.encode()) + 1 > room:
            yield line
            line = ""
        line = f"{line}{separator}{word}" if line else word
    if line:
        yield line
