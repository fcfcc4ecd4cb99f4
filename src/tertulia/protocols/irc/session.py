"""One IRC client's connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tertulia.domain import errors as x
from tertulia.domain.changes import Change, Spoken, TagsSpoken
from tertulia.domain.events import Fact, IdentityIssued
from tertulia.domain.ids import Conversation
from tertulia.domain.text import cut, short_text
from tertulia.protocols.backlog import hand_over_backlog
from tertulia.protocols.irc import numerics as n
from tertulia.protocols.irc.caps import Cap
from tertulia.protocols.irc.commands import COMMANDS
from tertulia.protocols.irc.labels import Labelled
from tertulia.protocols.irc.parser import (
    LINE_BYTES,
    Line,
    LineBuffer,
    LineError,
    LineNotUtf8,
    LineTooLong,
    parse,
)
from tertulia.protocols.irc.refusals import refusal, shown
from tertulia.protocols.irc.registration import Registration
from tertulia.protocols.resume import Resume
from tertulia.protocols.session import Flavour, Session, Shell, Steps, TokenBucket

if TYPE_CHECKING:
    from tertulia.protocols.irc.service import IrcService


class IrcSession(Session[bytes]):
    """One IRC client's connection."""

    __slots__ = (
        "__weakref__", "_buffer", "_command", "_labelled", "brought_late", "caps", "last_spoke",
        "pinged", "registration", "service",
    )  # fmt: skip

    protocol = "irc"

    def __init__(self, service: IrcService, shell: Shell, bucket: TokenBucket | None) -> None:
        super().__init__(service.core, shell, bucket)
        self.service = service
        self.caps = 0
        self.flavour = service.flavour(self.caps)
        self.registration: Registration | None = Registration()
        self.last_spoke = self.since
        self.pinged = False
        self.brought_late: set[Conversation] = set()
        """Of which histories the client has been told what came late."""
        self._buffer = LineBuffer()
        self._command = ""
        self._labelled: Labelled | None = None

    @property
    def nick(self) -> str:
        """What replies are addressed to: the nickname, ``*`` while there is none."""
        if self.user is not None:
            return self.user.nick.text
        registration = self.registration
        return "*" if registration is None or registration.nick is None else registration.nick.text

    # Lines in

    def receive(self, data: bytes) -> None:
        """Take bytes off the wire."""
        lines = self._buffer.feed(data)
        self.pinged = False
        if lines:
            self.take(lines)

    def handle(self, command: bytes) -> Steps | None:
        """Handle a line."""
        try:
            line = parse(command)
        except LineError as error:
            self._malformed(error)
            return None
        if line is None:
            return None
        if line.tags is not None and "label" in line.tags:
            self._begin_label(line.tags["label"])
        return self._dispatch(line)

    def _dispatch(self, line: Line) -> Steps | None:
        name = self._command = line.command
        spec = COMMANDS.get(name)
        if spec is None:
            self._unknown(name)
            return None
        if self.user is None and not spec.unregistered:
            self.reply(n.ERR_NOTREGISTERED, "You have not registered")
            return None
        if len(line.params) < spec.params:
            self.reply(n.ERR_NEEDMOREPARAMS, name, "Not enough parameters")
            return None
        seen = self.service.commands_seen
        seen[name] = seen.get(name, 0) + 1
        return spec.handler(self, line)

    def cost(self, command: bytes) -> int:
        """Take more from those who ask for more."""
        words = command.split(None, 3)
        while words and words[0][:1] in b"@:":  # tags and source
            del words[0]
        spec = COMMANDS.get(words[0].decode("ascii", "ignore").upper()) if words else None
        return 1 if spec is None else spec.cost

    def _unknown(self, name: str) -> None:
        if self.user is None and self.registration is None:
            return
        self.reply(n.ERR_UNKNOWNCOMMAND, shown(name[:64]), "Unknown command")

    def _malformed(self, error: LineError) -> None:
        if isinstance(error, LineTooLong):
            self.reply(n.ERR_INPUTTOOLONG, "Input line was too long")
        elif isinstance(error, LineNotUtf8):
            self.fail(error.command, "INVALID_UTF8", text="Message was not valid UTF-8")

    def _begin_label(self, label: str) -> None:
        wanted = Cap.LABELED_RESPONSE | Cap.BATCH
        if self.caps & wanted == wanted and 0 < len(label) <= 64:
            self._labelled = Labelled(label)
            self.label = label
            self.capturing = True

    def finished(self) -> None:
        """A command is done: send what was gathered under its label."""
        labelled = self._labelled
        if labelled is not None:
            self._labelled = self.label = None
            self.capturing = False
            self.shell.send(labelled.response(self.service.config.server))
        self.shell.command_over()

    # Lines out

    def send(self, data: bytes) -> None:
        """Send whole lines, under the label of the command if it has one."""
        if self._labelled is not None:
            self._labelled.add(data)
        else:
            self.shell.send(data)

    def reply(self, numeric: str, *params: str) -> None:
        """Send a numeric; the last of *params* is its text and may have spaces."""
        *middle, text = (numeric, self.nick, *params)
        self._send_line(f"{' '.join(middle)} :{text}")

    def reply_bare(self, numeric: str, *params: str) -> None:
        """Send a numeric whose parameters have no spaces, the last one neither."""
        self._send_line(" ".join((numeric, self.nick, *params)))

    def say(self, command: str, *params: str) -> None:
        """Send a message from the server; the last of *params* may have spaces."""
        *middle, text = (command, *params)
        self._send_line(f"{' '.join(middle)} :{text}")

    def _send_line(self, rest: str) -> None:
        line = f":{self.service.config.server} {rest}"
        if len(line) * 4 > LINE_BYTES - 2:
            line = cut(line, LINE_BYTES - 2)
        self.send(f"{line}\r\n".encode())

    def fail(self, command: str, code: str, *context: str, text: str) -> None:
        """Send a standard reply (ircv3.net/specs/extensions/standard-replies)."""
        self.say("FAIL", command, code, *context, text)

    def send_batch(
        self, reference: str, kind: str, changes: Sequence[Change], *params: str
    ) -> None:
        """Send *changes* as a batch (ircv3.net/specs/extensions/batch), if the client has those."""
        flavour = self.service.flavour(self.caps)
        if not self.caps & Cap.BATCH:
            self.send(b"".join([flavour.render(change) for change in changes]))
            return
        begin = " ".join(["BATCH", f"+{reference}", kind, *params])
        server = self.service.config.server
        lines = [flavour.render_in_batch(change, reference) for change in changes]
        end = f":{server} BATCH -{reference}\r\n".encode()
        self.send(b"".join([f":{server} {begin}\r\n".encode(), *lines, end]))

    def failed(self, error: x.ChatError) -> None:
        """Tell that a command was refused."""
        numeric, *params = refusal(error, self._command or "*")
        if numeric == "FAIL":
            self.say(numeric, *params)
        else:
            self.reply(numeric, *params)

    def refused(self, fact: Fact, label: str | None) -> None:
        """Tell that *fact* could not be written to disk and did not happen."""
        if label is not None:
            self._begin_label(label)
        what = getattr(fact, "channel", None) or getattr(fact, "target", "*")
        text = f"Not done ({what}): the server cannot write to its disk; try again later"
        self.fail("*", "NOT_STORED", text=text)
        if label is not None:
            self.finished()
        if isinstance(fact, IdentityIssued) and self.user is not None:
            if self.user.uid == fact.number:
                # Who came as an identity that there is not cannot stay.
                self.end("Your identity could not be stored")

    def something_waits(self) -> None:
        """Another server has put something by for the user."""
        hand_over_backlog(self)

    def echoes(self, change: Change) -> bool:
        """Whether the session is shown this message of its own user."""
        if isinstance(change, Spoken | TagsSpoken):
            return bool(self.caps & Cap.ECHO_MESSAGE)
        return True

    def show(self, change: Change) -> None:
        """Send what *change* looks like here, as part of the answer to a command."""
        data = self.flavour.render(change)
        if data:
            self.send(data)

    # Coming and going

    def set_caps(self, caps: int) -> None:
        """Use these capabilities from now on."""
        self.caps = caps
        flavour: Flavour = self.service.flavour(caps)
        if isinstance(self.resumption, Resume):
            flavour = self.resumption.wrap(flavour)
        self.core.reflavour(self, flavour)

    def farewell(self, reason: str) -> None:
        """Say why the connection is being closed."""
        if self._labelled is not None:
            self.finished()
        self.shell.send(f"ERROR :Closing Link: {self.shell.peer.host} ({reason})\r\n".encode())

    def end(self, reason: str) -> None:
        """Leave the server and close the connection."""
        if not self.closing:
            reason = short_text(reason, self.core.world.rules.reason_bytes)
            self.service.monitor.clear(self)
            if self.registration is not None:
                self.registration = None
                self.service.registering -= 1
            super().end(reason)

    def tick(self, now: float) -> None:
        """Ask a silent client whether it is there; give up one that does not answer."""
        config = self.service.config
        if self.resumption is not None:
            self.resumption.tick()
        if self.user is None:
            if now - self.since > config.login_s:
                self.end("Registration timed out")
        elif now - self.last_heard > config.ping_s * 2:
            self.end(f"Ping timeout: {config.ping_s * 2:.0f} seconds")
        elif now - self.last_heard > config.ping_s and not self.pinged:
            self.pinged = True
            self.shell.send(f"PING :{config.server}\r\n".encode())
