"""Answers that come in several lines, until they are complete."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tertulia.client.session import events as ev
from tertulia.client.session.model import Buffer, Delivery, Kind, Message
from tertulia.protocols.irc.parser import format_tags

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

ROWS_MOST = 100_000
WHOIS_MOST = 100
MORE_MOST = 50
EARLY_MOST = 256
SEARCH_HITS = 100
SEARCH_LABEL = "search-"
_RANKS = {Delivery.NONE: 0, Delivery.SENT: 1, Delivery.DELIVERED: 2, Delivery.SEEN: 3}


class Replies:
    """What is being answered on this connection."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked_who: deque[tuple[str, bool]] = deque()
        self._who: list[ev.WhoRow] = []
        self._asked_names: set[str] = set()
        self._names: dict[str, list[str]] = {}
        self._channels: list[ev.ListRow] = []
        self._whois: dict[str, tuple[str, dict[str, str], list[str]]] = {}
        self._early: dict[str, Delivery] = {}
        self._searches: deque[tuple[str, str]] = deque()
        self._labels = 0

    # WHO, NAMES, LIST

    def ask_who(self, mask: str, *, quiet: bool = False) -> None:
        """Ask who is there; what is *quiet* is not told, and only brings the model up to date."""
        if len(self._asked_who) < ROWS_MOST:
            self._asked_who.append((self._session.model.fold(mask), quiet))
        self._session.send("WHO", mask)

    def add_who(self, row: ev.WhoRow) -> None:
        """A line of the answer."""
        if len(self._who) < ROWS_MOST:
            self._who.append(row)

    def end_who(self, mask: str) -> None:
        """The answer is complete."""
        rows, self._who = tuple(self._who), []
        asked = (self._session.model.fold(mask), False)
        if self._asked_who and self._asked_who[0][0] == asked[0]:
            asked = self._asked_who.popleft()
        if not asked[1]:
            self._session.tell(ev.WhoList(mask, rows))

    def ask_names(self, channel: str) -> None:
        """Ask who is in a channel."""
        self._asked_names.add(self._session.model.fold(channel))
        self._session.send("NAMES", channel)

    def add_names(self, channel: str, names: list[str]) -> None:
        """A line of the answer."""
        listed = self._names.setdefault(self._session.model.fold(channel), [])
        if len(listed) < ROWS_MOST and len(self._names) < ROWS_MOST:
            listed += names

    def end_names(self, channel: str) -> tuple[list[str], bool]:
        """Return the names, and whether somebody asked for them."""
        folded = self._session.model.fold(channel)
        was_asked = folded in self._asked_names
        self._asked_names.discard(folded)
        return self._names.pop(folded, []), was_asked

    def add_channel(self, row: ev.ListRow) -> None:
        """A line of the list of channels."""
        if len(self._channels) < ROWS_MOST:
            self._channels.append(row)

    def end_list(self) -> None:
        """The list is complete."""
        rows, self._channels = tuple(self._channels), []
        self._session.tell(ev.ChannelList(rows))

    # WHOIS

    def whois(self, nick: str) -> tuple[dict[str, str], list[str]] | None:
        """Return what is known of somebody so far, None if nothing was."""
        found = self._whois.get(self._session.model.fold(nick))
        return None if found is None else found[1:]

    def begin_whois(self, nick: str) -> dict[str, str]:
        """The answer begins."""
        fields: dict[str, str] = {}
        if len(self._whois) < WHOIS_MOST:
            self._whois[self._session.model.fold(nick)] = (nick, fields, [])
        return fields

    def more_whois(self, nick: str, text: str) -> bool:
        """A line of the answer that has no field of its own; return whether it is one."""
        found = self.whois(nick)
        if found is not None and len(found[1]) < MORE_MOST:
            found[1].append(text)
        return found is not None

    def end_whois(self, nick: str) -> None:
        """The answer is complete."""
        known = self._whois.pop(self._session.model.fold(nick), (nick, {}, []))
        self._session.tell(ev.WhoisReply(known[0], known[1], tuple(known[2])))

    # Receipts

    def receipt(self, nick: str, msgid: str, *, seen: bool) -> None:
        """Somebody has a message, or has seen all up to it."""
        delivery = Delivery.SEEN if seen else Delivery.DELIVERED
        buffer = self._session.model.get(nick)
        message = None if buffer is None else buffer.log.with_msgid(msgid)
        if buffer is None or message is None:
            if len(self._early) < EARLY_MOST:
                self._early[msgid] = delivery
            return
        self._raise(buffer, message, delivery)
        index = buffer.log.find(message) if seen else None
        while index:
            index -= 1
            earlier = buffer.messages[index]
            if earlier.delivery is Delivery.SEEN:
                return
            self._raise(buffer, earlier, delivery)

    def _raise(self, buffer: Buffer, message: Message, delivery: Delivery) -> None:
        if message.own and _RANKS.get(message.delivery, 9) < _RANKS[delivery]:
            changed = replace(message, delivery=delivery)
            buffer.log.replace(message, changed)
            self._session.tell(ev.Changed(buffer, changed))

    def with_receipt(self, message: Message) -> Message:
        """Return an own message with the receipt for it that came before it."""
        delivery = self._early.pop(message.msgid, None)
        return message if delivery is None else replace(message, delivery=delivery)

    # Search

    def search(self, words: str, target: str) -> None:
        """Look for *words*: on the server where it can, else in what is here."""
        session = self._session
        if not session.offers.search:
            session.tell(ev.Found(words, _found_here(session, words, target), on_server=False))
            return
        self._labels += 1
        label = f"{SEARCH_LABEL}{self._labels}" if session.has_labels else ""
        self._searches.append((label, words))
        attributes = {"text": words, "limit": str(SEARCH_HITS)} | ({"in": target} if target else {})
        # They are written as tags are (soju.im/search).
        session.send("SEARCH", format_tags(attributes), tags={"label": label} if label else None)

    def found(self, hits: list[tuple[str, Message]], label: str) -> None:
        """The server's answer to the oldest search, or to that of the label."""
        for asked in self._searches:
            if asked[0] == label:
                self._searches.remove(asked)
                self._session.tell(ev.Found(asked[1], tuple(hits), on_server=True))
                return


def _found_here(session: Session, words: str, target: str) -> tuple[tuple[str, Message], ...]:
    """Return the messages that have all of *words*, the latest of them."""
    wanted = words.casefold().split()
    only = session.model.get(target) if target else None
    hits = [
        (buffer.name, message)
        for buffer in ([only] if only is not None else session.model)
        for message in buffer.messages
        if message.kind in (Kind.SAY, Kind.ACTION, Kind.NOTICE)
        and all(word in message.text.casefold() for word in wanted)
    ]
    hits.sort(key=lambda hit: hit[1].at)
    return tuple(hits[-SEARCH_HITS:])
