"""What JSON clients are sent: what the two dialects share, and what each of them says."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from tertulia.domain import changes as c
from tertulia.domain.changes import Change
from tertulia.domain.events import Fact
from tertulia.domain.ids import Hlc, milliseconds
from tertulia.domain.names import fold_name
from tertulia.protocols.json_documents import Hash
from tertulia.protocols.jsonchat.documents import Documents, Fields
from tertulia.protocols.words import (
    mode_sentences,
    not_done,
    readable,
    sentences,
    skipped,
    spoken,
    waits,
)

_NOBODY = "*"
"""Who says what the server says; nobody can have this name."""
_EVERYWHERE = "*"


class JsonFlavour:
    """What the clients of one dialect are sent, in one kind of *documents*.

    What has an op of its own in the dialect is in *ops*; all else is told in sentences.
    """

    __slots__ = ("_documents", "is_paced")

    greeting: ClassVar[str] = ""
    refuses_by_closing: ClassVar[bool]
    """Whether a name that cannot be had ends the connection."""
    ops: ClassVar[dict[type[Change], Callable[[Any, Any], bytes]]]

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self.is_paced = documents.frame_bytes is not None

    def render(self, change: Change) -> bytes:
        """Return the documents for *change*; empty if this kind of client is not told."""
        if isinstance(change, c.Together):
            return b"".join([self.render(one) for one in change.changes])
        render = self.ops.get(type(change))
        if render is not None:
            return render(self, change)
        channel = getattr(change, "channel", "")
        return b"".join([self.line(told, channel) for told in sentences(change, self.named)])

    # What is said

    def named(self, name: str) -> str:
        """Return how *name* is shown."""
        return name

    def _target(self, change: c.Spoken) -> str:
        """Return what is shown as the target of *change*."""
        return change.target

    def _spoken(self, change: c.Spoken) -> bytes:
        text = spoken(change, self.named)
        if not text:
            return b""
        name = self.named(change.by.nick)
        fields: Fields = {
            "op": "MESSAGE",
            "name": name,
            "username": name,
            "target": self._target(change),
        }
        if self._documents.frame_bytes is None:
            fields["id"], fields["time"] = change.msgid, _iso_time(change.hlc)
        return self._documents.spread(fields, "message", text)

    def _acknowledged(self, change: c.Acknowledged) -> bytes:
        """COMPAT: the discovery client calls ops that it does not know unknown."""
        if self._documents.frame_bytes is not None:
            return b"".join([self.line(told) for told in sentences(change, self.named)])
        name = self.named(change.by.nick)
        fields: Fields = {
            "op": "SEEN" if change.seen else "DELIVERED",
            "name": name,
            "username": name,
            "id": change.message,
            "time": _iso_time(change.hlc),
        }
        return self._documents.one(fields)

    # What the server says

    @abstractmethod
    def line(self, text: str, channel: str = "") -> bytes:
        """Return the documents that show a readable *text* about *channel*."""

    @abstractmethod
    def logged_in(self, nick: str, request: Hash) -> bytes:
        """Return the answer to a LOGIN that went well."""

    @abstractmethod
    def users(self, channel: str | None, nicks: Sequence[str], request: Hash) -> bytes:
        """Return the list of those in *channel*, or of all."""

    @abstractmethod
    def channels(self, names: Sequence[str], request: Hash) -> bytes:
        """Return the list of channels."""

    def greet(self) -> bytes:
        """Return what is sent first of all; empty for nothing."""
        return self.line(self.greeting) if self.greeting else b""

    def identity(self, nick: str, number: str, token: str, request: Hash) -> bytes:
        """Return the answer to IDENTITY; its ``message`` is for people."""
        fields: Fields = {"op": "IDENTITY", "name": self.named(nick), "number": number}
        text = (
            f"Your number is {number} and your secret token {token}. Keep them: with both in LOGIN"
            " you are the same user next time"
        )
        fields = _answering({**fields, "token": token}, request)
        return self._documents.fitting(fields, "message", text)

    def token(self, token: str, request: Hash) -> bytes:
        """Return what tells with which *token* the client goes on after this."""
        return self._documents.one(_answering({"op": "TOKEN", "token": token}, request))

    def message_waits(self, nick: str) -> bytes:
        """Return what tells that a message to *nick* waits until they are here."""
        return self.line(waits(nick, self.named))

    def error(self, text: str, request: Hash = None) -> bytes:
        """Return the document that tells of an error."""
        fields = _answering({"op": "ERROR"}, request)
        return self._documents.fitting(fields, "message", readable(text))

    def not_done(self, fact: Fact) -> bytes:
        """Return the document that tells that *fact* could not be stored."""
        return self.error(not_done(fact, self.named))

    def farewell(self, reason: str) -> bytes:
        """Return the last document, which says why."""
        return self._documents.fitting({"op": "DISCONNECT"}, "message", readable(reason))

    def skipped(self, count: int) -> bytes:
        """Return the document that stands for *count* others that would have come too late."""
        return self.line(skipped(count))


class Classic(JsonFlavour):
    """COMPAT: the classic client greets, and shows only what has a ``message``.

    It is sent sentences for everything, and names in lower case.
    """

    __slots__ = ()

    greeting = "Welcome to Tertulia. Log in with your name"
    refuses_by_closing = False

    def named(self, name: str) -> str:
        """Return *name* in lower case."""
        return fold_name(name)

    def _target(self, change: c.Spoken) -> str:
        """A direct message is marked by its target."""
        return fold_name(change.target) if change.target[0] in "#*&" else "§§"

    def line(self, text: str, channel: str = "") -> bytes:
        """Return a message without a name, which is shown as the server's."""
        return self._documents.spread({"op": "MESSAGE", "target": ""}, "message", text)

    def logged_in(self, nick: str, request: Hash) -> bytes:
        """Return the one answer that this client takes for a yes."""
        return self._documents.one(_answering({"op": "LOGIN", "name": self.named(nick)}, request))

    def users(self, channel: str | None, nicks: Sequence[str], request: Hash) -> bytes:
        """Return the list as a sentence."""
        where = "" if channel is None else f" in {self.named(channel)}"
        return self.line(f"Users{where}: {self._list(nicks)}")

    def channels(self, names: Sequence[str], request: Hash) -> bytes:
        """Return the list as a sentence."""
        return self.line(f"Channels: {self._list(names)}")

    def _list(self, names: Sequence[str]) -> str:
        return ", ".join([self.named(name) for name in names]) or "none"

    ops: ClassVar[dict[type[Change], Callable[[Any, Any], bytes]]] = {
        c.Spoken: JsonFlavour._spoken,
        c.Acknowledged: JsonFlavour._acknowledged,
    }


class Discovery(JsonFlavour):
    """The discovery dialect has an op for most things.

    COMPAT: the discovery client ends cleanly only when it is told DISCONNECT with a
    ``message``, and needs ``name`` and ``target`` in every MESSAGE.
    """

    __slots__ = ()

    refuses_by_closing = True

    def line(self, text: str, channel: str = "") -> bytes:
        """Return a message from nobody."""
        fields = {"op": "MESSAGE", "name": _NOBODY, "username": _NOBODY, "target": channel}
        return self._documents.spread(fields, "message", text)

    def logged_in(self, nick: str, request: Hash) -> bytes:
        """Return nothing: no answer is a yes."""
        return b""

    def users(self, channel: str | None, nicks: Sequence[str], request: Hash) -> bytes:
        """Return the list; its ``hash`` is there also when none was asked with."""
        fields: Fields = {"op": "USERS", "hash": "" if request is None else request}
        if channel is not None:
            fields["channel"] = channel
        return self._documents.listed(fields, ("users", "userList"), nicks)

    def channels(self, names: Sequence[str], request: Hash) -> bytes:
        """Return the list."""
        fields = _answering({"op": "CHANNELS"}, request)
        return self._documents.listed(fields, ("channels", "channelList"), names)

    def _about(self, op: str, nick: str, channel: str, text: str = "") -> bytes:
        fields = {"op": op, "user": nick, "username": nick, "channel": channel}
        if not text:
            return self._documents.one(fields)
        return self._documents.fitting(fields, "message", text)

    def _entered(self, change: c.Entered) -> bytes:
        nick, channel = change.by.nick, change.channel
        joined = self._about("JOIN", nick, channel)
        return joined + self._about("ADMIN", nick, channel) if change.admin else joined

    def _departed(self, change: c.Departed) -> bytes:
        return self._about("PART", change.by.nick, change.channel, readable(change.reason))

    def _expelled(self, change: c.Expelled) -> bytes:
        return self._about("KICK", change.whom.nick, change.channel, readable(change.reason))

    def _gone(self, change: c.Gone) -> bytes:
        # Who was in one channel only, is seen by those in it. Otherwise each of those who
        # see it knows some of the channels, and must not be told the others.
        channel = change.channels[0] if len(change.channels) == 1 else _EVERYWHERE
        return self._about("PART", change.by.nick, channel, readable(change.reason))

    def _modes_changed(self, change: c.ModesChanged) -> bytes:
        channel = change.channel
        found, others = [], []
        for mode in change.modes:
            if mode.whom is not None and mode.mode == "o" and mode.on:
                found.append(self._about("ADMIN", mode.whom.nick, channel))
            else:
                others.append(mode)
        told = mode_sentences(change, others, self.named)
        return b"".join([*found, *(self.line(sentence, channel) for sentence in told)])

    ops: ClassVar[dict[type[Change], Callable[[Any, Any], bytes]]] = {
        c.Spoken: JsonFlavour._spoken,
        c.Acknowledged: JsonFlavour._acknowledged,
        c.Entered: _entered,
        c.Departed: _departed,
        c.Expelled: _expelled,
        c.Gone: _gone,
        c.ModesChanged: _modes_changed,
    }


def _answering(fields: Fields, request: Hash) -> Fields:
    """Return *fields* with the hash of the *request*, if it had one."""
    return fields if request is None else {**fields, "hash": request}


def _iso_time(hlc: Hlc) -> str:
    """Return ISO 8601 in UTC with milliseconds, as IRCv3 server-time has it."""
    seconds, ms = divmod(milliseconds(hlc), 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"
