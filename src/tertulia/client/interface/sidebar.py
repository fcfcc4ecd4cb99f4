"""The list of channels and direct messages, and that of who is in a channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style

from tertulia.client.interface.palette import Palette
from tertulia.client.interface.rows import Row
from tertulia.client.session.model import Buffer, BufferKind, Member, Model
from tertulia.client.words import Words

RANKS = "~&@%+"


class Entry(NamedTuple):
    """A line of the list of buffers: a heading, a gap, or a buffer with the number of its key."""

    heading: str = ""
    buffer: Buffer | None = None
    number: int = 0


def ordered(model: Model) -> list[Buffer]:
    """Return the buffers in the order in which they are shown and numbered."""
    everything = list(model)
    channels = [one for one in everything if one.kind is BufferKind.CHANNEL]
    queries = [one for one in everything if one.kind is BufferKind.QUERY]
    return [model.server, *channels, *queries]


def entries(model: Model, _: Words) -> list[Entry]:
    """Return the lines of the list of buffers."""
    lines: list[Entry] = []
    kind = BufferKind.SERVER
    headings = {BufferKind.CHANNEL: _("Channels"), BufferKind.QUERY: _("Direct messages")}
    for number, buffer in enumerate(ordered(model), 1):
        if buffer.kind is not kind:
            kind = buffer.kind
            lines += [Entry(), Entry(headings[kind])]
        lines.append(Entry("", buffer, number))
    return lines


@dataclass(frozen=True)
class BufferRow:
    """Draws an entry; *current* is the buffer that one looks at."""

    palette: Palette
    model: Model
    current: Buffer
    name: Callable[[str], str]
    title: str

    def __call__(self, entry: Entry) -> Row:
        buffer, palette = entry.buffer, self.palette
        if buffer is None:
            return Row([Segment(f" {entry.heading}", palette.quiet)])
        is_current = buffer is self.current
        key = str(entry.number) if entry.number < 10 else " "
        style = self._style(buffer, is_current)
        sign = "▌" if is_current else " "
        left = [
            Segment(sign, palette.style(palette.accent)),
            Segment(f"{key} ", palette.quiet),
            Segment(self._title(buffer), style),
        ]
        back = palette.chosen if is_current else ""
        return Row(left, [Segment(" ")] if is_current else self._counts(buffer), back)

    def _title(self, buffer: Buffer) -> str:
        if buffer.kind is BufferKind.SERVER:
            return self.title
        if buffer.is_channel:
            return buffer.name
        return self.name(buffer.name)

    def _style(self, buffer: Buffer, is_current: bool) -> Style:
        palette = self.palette
        if is_current:
            return palette.style(bold=True)
        if buffer.is_channel and not buffer.is_joined:
            return palette.quiet
        if buffer.unread:
            return palette.style(bold=True)
        return palette.quiet if buffer.kind is BufferKind.SERVER else palette.style()

    def _counts(self, buffer: Buffer) -> list[Segment]:
        palette = self.palette
        count = buffer.mentions
        if not buffer.is_channel and buffer.kind is BufferKind.QUERY:
            count = buffer.unread
        if count:
            badge = palette.style(palette.mention, bold=True, reverse=True)
            return [Segment(f" {shortened(count)} ", badge), Segment(" ")]
        if buffer.unread:
            return [Segment(f" {shortened(buffer.unread)} ", palette.quiet)]
        return [Segment(" ")]


def shortened(count: int) -> str:
    """Return a number in at most three characters or so."""
    return str(count) if count < 1000 else f"{min(count // 1000, 99)}k"


class Person(NamedTuple):
    """A line of the list of members: a heading, a gap, or somebody."""

    heading: str = ""
    member: Member | None = None


def people(members: Iterable[Member], fold: Callable[[str], str], _: Words) -> list[Person]:
    """Return the lines of the list of members: by rank, then by name."""
    in_order = sorted(members, key=lambda one: (_rank(one), fold(one.nick)))
    groups: dict[str, list[Person]] = {}
    for member in in_order:
        groups.setdefault(_heading(member, _), []).append(Person("", member))
    lines: list[Person] = []
    for heading, group in groups.items():
        lines += [Person()] if lines else []
        lines += [Person(f"{heading} · {len(group)}"), *group]
    return lines


def _rank(member: Member) -> int:
    place = RANKS.find(member.ranks[:1]) if member.ranks else -1
    return len(RANKS) if place < 0 else place


def _heading(member: Member, _: Words) -> str:
    sign = member.ranks[:1]
    if sign in ("~", "&", "@") and sign:
        return _("Admins")
    if sign == "%":
        return _("Moderators")
    return _("With voice") if sign == "+" else _("Members")


@dataclass(frozen=True)
class PersonRow:
    """Draws somebody in a channel; *own* is oneself."""

    palette: Palette
    words: Words
    own: str
    fold: Callable[[str], str]
    name: Callable[[str], str]

    def __call__(self, person: Person) -> Row:
        member, palette = person.member, self.palette
        if member is None:
            return Row([Segment(f" {person.heading}", palette.quiet)])
        is_away = member.user.away is not None
        colour = palette.nick(member.nick, self.fold)
        own = self.fold(member.nick) == self.fold(self.own)
        style = palette.quiet if is_away else palette.style(colour, bold=own)
        sign = member.ranks[:1] or " "
        left = [Segment(f" {sign}", palette.quiet), Segment(self.name(member.nick), style)]
        return Row(left, [Segment(f" {self.words('away')} " if is_away else " ", palette.quiet)])
