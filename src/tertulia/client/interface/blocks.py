"""A message as the lines of the screen that show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from tertulia.client.interface import dates
from tertulia.client.interface.formats import Format, Part, bare, parts
from tertulia.client.interface.lines import Line, cells, on_ground, wrapped
from tertulia.client.interface.palette import Palette
from tertulia.client.interface.wrap import cut, lines_of, pad
from tertulia.client.session.model import Delivery, Kind, Message
from tertulia.client.words import Words, describe

_MINUTE = 60_000
"""Of what one says in a minute, only the first carries time and nickname,"""
_AGAIN = 10
"""and every tenth message all the same, so that a screenful of one person tells whose it is."""
NARROWEST = 26
"""Where the text would have less room, nicknames are not in a column of their own."""
_HANGING = 3
_TIME = 6
_QUARTER = 900_000

_SIGNS = {
    Kind.ACTION: "*",
    Kind.POKE: "»",
    Kind.JOIN: "→",
    Kind.NETJOIN: "→",
    Kind.PART: "←",
    Kind.QUIT: "←",
    Kind.NETSPLIT: "←",
    Kind.KICK: "←",
    Kind.ERROR: "!",
}
_OTHER_SIGN = "·"


@dataclass(frozen=True)
class Look:
    """What all messages of a conversation have in common.

    *nicks* is how wide their column is, *has_receipts* whether own messages tell more than that
    they are not stored yet, *name* how somebody is shown.
    """

    palette: Palette
    words: Words
    width: int
    nicks: int
    has_receipts: bool = False
    name: Callable[[str], str] = str
    fold: Callable[[str], str] = str.lower

    @property
    def text_width(self) -> int:
        """How many cells a line of text has, where nicknames have a column."""
        return self.width - _TIME - self.nicks - 5

    @property
    def is_compact(self) -> bool:
        """Whether there is too little room for a column of nicknames."""
        return self.text_width < NARROWEST

    @property
    def hanging(self) -> int:
        """How far the lines of a message are indented."""
        return _HANGING if self.is_compact else self.width - self.text_width - 1


class Neighbours(NamedTuple):
    """What is around a message: what it looks like depends on that. *is_new*: it is the first one
    that was not read; *is_start*: there is none before it, here or on the server; *is_found*: it
    was looked for."""

    before: Message | None = None
    after: Message | None = None
    is_new: bool = False
    is_start: bool = False
    is_found: bool = False


class Block(NamedTuple):
    """The lines of a message; the first *above* of them separate it from the one before it."""

    lines: tuple[Line, ...]
    above: int = 0


def compose(message: Message, around: Neighbours, look: Look) -> Block:
    """Return the lines for *message*."""
    above = list(_separators(message, around, look))
    is_grouped = not (above or around.is_found) and _is_grouped(message, around.before)
    lines = [*_lines(message, around, look, is_grouped)]
    return Block((*above, *lines), len(above))


def estimates(messages: Sequence[Message], before: Message | None, look: Look) -> list[int]:
    """Return how many lines each of *messages* has, roughly, in a fraction of the time that
    `compose` takes; *before* is the one before them."""
    width = max(1, look.width - _HANGING - 1 if look.is_compact else look.text_width)
    last = before.at if before is not None else 0
    heights = []
    for message in messages:
        height = lines_of(message.text, width)
        if message.at // _QUARTER != last // _QUARTER and dates.day(message.at) != dates.day(last):
            height += 1
        last = message.at
        heights.append(height)
    return heights


def _is_grouped(message: Message, before: Message | None) -> bool:
    return (
        before is not None
        and message.kind is Kind.SAY is before.kind
        and message.by == before.by
        and message.status == before.status
        and message.at // _MINUTE == before.at // _MINUTE
        and message.number % _AGAIN != 0
    )


# What separates


def _separators(message: Message, around: Neighbours, look: Look) -> Iterator[Line]:
    before, palette, _ = around.before, look.palette, look.words
    if around.is_start:
        yield _rule(_("the conversation starts here"), look, palette.quiet)
    if before is None or dates.day(before.at) != dates.day(message.at):
        yield _rule(dates.day_name(dates.day(message.at), _.language), look, palette.quiet)
    if around.is_new:
        yield _rule(_("new"), look, palette.style(palette.mention))


def _rule(label: str, look: Look, style: Style) -> Line:
    label = cut(label, look.width - 8)
    left = max(1, (look.width - cell_len(label) - 4) // 2)
    right = max(1, look.width - left - cell_len(label) - 4)
    line = look.palette.line
    return [
        Segment(" " + "─" * left, line),
        Segment(f" {label} ", style),
        Segment("─" * right + " ", line),
    ]


# The message itself


def _lines(message: Message, around: Neighbours, look: Look, is_grouped: bool) -> Iterator[Line]:
    """Yield gutter, time, nickname and text, line by line."""
    body, base = _body(message, look), _base(message, look.palette)
    mark = _mark(message, around.after, look)
    head = _head(message, look, is_grouped)
    indent = _indent(look)
    lead = cells(head) - look.hanging + 1 if look.is_compact else 0
    width = max(1, look.width - look.hanging - 1)
    for number, line in enumerate(wrapped(body, width, lead, base, look.palette, mark)):
        sign, back = _ground(message, around, look.palette)
        yield on_ground(back, [sign, *(head if number == 0 else indent), *line], look.width)


def _indent(look: Look) -> Line:
    """What stands in front of the second line and those after it."""
    if look.is_compact:
        return [Segment(" " * (look.hanging - 1))]
    return [Segment(" " * (look.hanging - 4)), Segment(" │ ", look.palette.line)]


def _body(message: Message, look: Look) -> list[Part]:
    if message.kind is Kind.ACTION:
        return [Part(f"{look.name(message.by)} ", Format(bold=True)), *parts(message.text)]
    if message.is_spoken and message.kind is not Kind.POKE:
        status = [Part(f"({message.status}) ")] if message.status else []
        return [*status, *parts(message.text)]
    return [Part(describe(message, look.words))]


def _base(message: Message, palette: Palette) -> Style:
    if message.delivery in (Delivery.PENDING, Delivery.UNSENT):
        return palette.quiet
    if message.kind is Kind.ERROR or message.delivery is Delivery.FAILED:
        return palette.style(palette.bad)
    if message.kind is Kind.POKE:
        return palette.style(palette.mention, bold=True)
    return palette.style() if message.is_spoken else palette.quiet


def _stands_out(message: Message) -> bool:
    return message.mention or (message.kind is Kind.POKE and not message.own)


def _ground(message: Message, around: Neighbours, palette: Palette) -> tuple[Segment, str]:
    """What stands in front of each line, and the colour behind it."""
    if around.is_found:
        return Segment("▌", palette.style(palette.accent)), palette.chosen
    if _stands_out(message):
        return Segment("▌", palette.style(palette.mention)), palette.mention_background
    return Segment(" "), ""


def _head(message: Message, look: Look, is_grouped: bool) -> Line:
    """The time, and who it is."""
    time = "" if is_grouped else dates.clock(message.at)
    sign, style = _sign(message, look)
    sign = "" if is_grouped and not look.is_compact else sign
    start = Segment(time.ljust(_TIME), look.palette.quiet)
    if look.is_compact:
        colon = ":" if message.kind is Kind.SAY else ""
        return [start, Segment(cut(sign, look.width // 2), style), Segment(colon + " ")]
    return [
        start,
        Segment(pad(sign, look.nicks, right=True), style),
        Segment(" │ ", look.palette.line),
    ]


def _sign(message: Message, look: Look) -> tuple[str, Style]:
    palette = look.palette
    if message.kind in (Kind.SAY, Kind.NOTICE):
        name = look.name(message.by)
        sign = f"-{name}-" if message.kind is Kind.NOTICE else name
        colour = palette.nick(message.by, look.fold)
        return sign, palette.style(colour, bold=message.own or message.mention)
    if message.kind is Kind.ACTION:
        return _SIGNS[message.kind], palette.style(palette.nick(message.by, look.fold))
    if message.is_spoken:
        return _SIGNS[message.kind], palette.style(palette.mention, bold=True)
    style = palette.style(palette.bad) if message.kind is Kind.ERROR else palette.quiet
    return _SIGNS.get(message.kind, _OTHER_SIGN), style


def _mark(message: Message, after: Message | None, look: Look) -> tuple[str, Style]:
    """What became of an own message; of several that are alike only the last one tells."""
    palette, _ = look.palette, look.words
    if not message.own:
        return "", palette.quiet
    if after is not None and after.own and _fate(after) == _fate(message):
        return "", palette.quiet
    if message.delivery is Delivery.FAILED:
        why = f": {bare(message.why)}" if message.why else ""
        return _("✗ not sent{why} (F5 sends again)").format(why=why), palette.style(palette.bad)
    if message.delivery is Delivery.SEEN and look.has_receipts:
        return _("✓✓ seen"), palette.style(palette.good)
    signs = {Delivery.UNSENT: _("◌ waiting"), Delivery.PENDING: _("◌ sending")}
    if look.has_receipts:
        signs |= {Delivery.SENT: _("✓ sent"), Delivery.DELIVERED: _("✓✓ delivered")}
    return signs.get(message.delivery, ""), palette.quiet


def _fate(message: Message) -> tuple[Delivery, str]:
    return message.delivery, message.why
