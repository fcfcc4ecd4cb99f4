"""Coming to a server: capabilities, who one is, and how one is called."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tertulia.client.session import events as ev
from tertulia.client.session.settings import Credential

if TYPE_CHECKING:
    from tertulia.client.session.session import Session

WANTED = (
    "message-tags", "server-time", "batch", "labeled-response", "echo-message",
    "draft/chathistory", "away-notify", "account-tag", "account-notify", "extended-join",
    "multi-prefix", "userhost-in-names", "setname", "chghost", "invite-notify", "cap-notify",
    "standard-replies", "extended-monitor", "soju.im/search",
    "tertulia/receipts", "tertulia/identity",
)  # fmt: skip
OURS = "tertulia/"
SETTLED = "settled"
"""What is sent with the PING behind all that one wants at first."""
REQUEST_BYTES = 400
CAPS_MOST = 500
PATIENCE_S = 30.0
CAP_PATIENCE_S = 5.0
REGAIN_S = 60.0
CHUNK = 400
"""Of so many characters is a piece of what AUTHENTICATE says (IRCv3 SASL)."""


class Registration:
    """What goes on between the connection and the welcome, and with the nickname afterwards."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._offered: dict[str, str] = {}
        self._unanswered = 0
        self._names: Iterator[str] = iter(())
        self._is_negotiated = False
        self._is_introduced = False
        self.knows_identity = False
        """Whether the server has accepted the identity on this connection."""
        self.asked_identity = False
        self.credential = session.settings.credential
        """What is shown to this server."""
        self.deadline: float | None = None
        """When the server must have answered, on the monotonic clock."""
        self.regain_at: float | None = None
        """When the nickname that could not be had is tried again."""
        self.tried = ""

    def begin(self) -> None:
        """There is a connection."""
        session = self._session
        self._names = other_names(session.settings.nick, session.seed)
        now = session.clock.now()
        session.send("CAP", "LS", "302")
        if self.credential is None and not session.settings.identities:
            self._introduce()
        else:
            # The nickname of an identity is refused to whoever has not proven it.
            self.deadline = now + CAP_PATIENCE_S

    def tick(self, now: float) -> None:
        """The server has been silent for long enough."""
        if self.deadline is not None and now >= self.deadline:
            if self._is_introduced:
                self._session.give_up("the server does not answer")
            else:
                self._conclude()
        if self.regain_at is not None and now >= self.regain_at:
            self.regain_at = now + REGAIN_S
            self.tried = self._session.settings.nick
            self._session.send("NICK", self.tried)

    def _introduce(self) -> None:
        if self._is_introduced:
            return
        self._is_introduced = True
        session, settings = self._session, self._session.settings
        self.deadline = session.clock.now() + PATIENCE_S
        if settings.password:
            session.send("PASS", settings.password)
        self.tried = settings.nick
        session.send("NICK", settings.nick)
        session.send("USER", settings.username or "user", "0", "*", settings.realname or self.tried)

    # Capabilities

    def listed(self, text: str, *, is_last: bool) -> None:
        """The server offers capabilities."""
        for word in text.split():
            name, _, value = word.partition("=")
            if len(self._offered) < CAPS_MOST:
                self._offered[name] = value
        if is_last and not self._is_negotiated:
            self._session.offered = dict(self._offered)
            self.credential = self.credential or self._known_here()
            self._request([name for name in self._wanted() if name in self._offered])

    def _known_here(self) -> Credential | None:
        server = self._session.server_id
        return self._session.settings.identities.get(server) if server else None

    def _wanted(self) -> list[str]:
        sasl = ["sasl"] if self.credential is not None else []
        return [*WANTED, *sasl]

    def _request(self, names: list[str]) -> None:
        line = ""
        for name in names:
            if line and len(line) + len(name) >= REQUEST_BYTES:
                self._ask(line)
                line = ""
            line = f"{line} {name}".strip()
        if line:
            self._ask(line)
        self._go_on()

    def _ask(self, line: str) -> None:
        self._unanswered += 1
        self._session.send("CAP", "REQ", line)

    def acknowledged(self, text: str) -> None:
        """The server does what was asked for."""
        caps = self._session.caps
        for word in text.split():
            if word.startswith("-"):
                caps.discard(word[1:])
            elif len(caps) < CAPS_MOST:
                caps.add(word)
        self._unanswered -= 1
        self._go_on()

    def refused(self, text: str) -> None:
        """The server does none of what one line asked for: ask for each alone."""
        self._unanswered -= 1
        names = text.split()
        if len(names) > 1:
            for name in names[:CAPS_MOST]:
                self._ask(name)
        self._go_on()

    def appeared(self, text: str) -> None:
        """The server offers more than before (cap-notify)."""
        names = [word.partition("=")[0] for word in text.split()]
        if new := [name for name in names if name in WANTED and name not in self._session.caps]:
            self._ask(" ".join(new))

    def _go_on(self) -> None:
        if self._unanswered > 0 or self._is_negotiated:
            return
        self._is_negotiated = True
        session = self._session
        if self.credential is None:
            self._conclude()
        elif "sasl" in session.caps and "PLAIN" in (session.offered.get("sasl") or "PLAIN"):
            session.send("AUTHENTICATE", "PLAIN")
        else:
            self._conclude()

    # SASL

    def authenticate(self) -> None:
        """The server waits for the credential (RFC 4616)."""
        session, credential = self._session, self.credential
        if credential is None:
            session.send("AUTHENTICATE", "*")
            return
        plain = f"{credential.number}\0{credential.number}\0{credential.token}"
        text = base64.b64encode(plain.encode()).decode()
        for start in range(0, len(text), CHUNK):
            session.send("AUTHENTICATE", text[start : start + CHUNK])
        if len(text) % CHUNK == 0:
            session.send("AUTHENTICATE", "+")

    def authenticated(self) -> None:
        """The server knows who one is."""
        self.knows_identity = True
        self._conclude()

    def not_authenticated(self, why: str) -> None:
        """The server does not; on another server than ours that is no reason not to come."""
        session = self._session
        if session.is_ours:
            session.tell(ev.CredentialRefused(why))
            session.stop(why)
        else:
            session.tell(ev.Refused("904", why))
            self._conclude()

    def _conclude(self) -> None:
        """All is said but who one is."""
        if self._session.link.state is not ev.State.REGISTERING:
            return
        session = self._session
        session.resume.begin()
        wants = session.settings.wants_identity and self.credential is None
        if wants and "tertulia/identity" in session.caps and not self.asked_identity:
            self.asked_identity = True
            session.send("IDENTITY", "NEW")
        self._introduce()
        session.send("CAP", "END")

    # Nicknames

    def nick_refused(self, nick: str, why: str) -> None:
        """A nickname cannot be had: try others, unless there is one already."""
        session = self._session
        if session.link.state is ev.State.ONLINE:
            if self.regain_at is None:
                session.tell(ev.NickTaken(nick, "", why))
            return
        instead = next(self._names, "")
        if not instead:
            session.give_up(why)
            return
        session.tell(ev.NickTaken(nick, instead, why))
        self.tried = instead
        session.send("NICK", instead)

    def welcomed(self, nick: str) -> None:
        """One is on the server, under that nickname."""
        self.deadline = None
        if nick and self._session.model.fold(nick) != self._session.model.fold(
            self._session.settings.nick
        ):
            self.regain_at = self._session.clock.now() + REGAIN_S

    def renamed(self, nick: str) -> None:
        """One is called otherwise: it was wanted, or done by the server."""
        fold = self._session.model.fold
        if fold(nick) in (fold(self._session.settings.nick), fold(self.tried)):
            self.regain_at = None


def other_names(nick: str, seed: str) -> Iterator[str]:
    """Yield nicknames to try where *nick* cannot be had: some servers take only nine letters."""
    yield f"{nick}_"
    yield f"{nick}__"
    short = "".join([c for c in nick if c.isascii() and c.isalnum()]).lstrip("0123456789")[:7]
    short = short or "guest"
    yield f"{short}_"
    digits = "".join([c for c in seed if c.isdigit()]) or "4711"
    for length in (1, 2, 3):
        yield f"{short[: 8 - length]}{digits[:length]:0>{length}}"
    yield f"{short[:2]}{digits[-6:]}"
