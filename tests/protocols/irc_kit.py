"""IRC clients on a hub without sockets: what they send is handled at once, and what they are
sent is kept until a test asks for it."""

from collections.abc import Callable
from typing import Any

from tertulia.domain.events import Said
from tertulia.domain.history import Page, describe, is_visible
from tertulia.domain.ids import msgid
from tertulia.domain.users import User
from tertulia.domain.world import Rules
from tertulia.protocols.irc.config import IrcConfig
from tertulia.protocols.irc.service import IrcService
from tertulia.protocols.irc.session import IrcSession
from tertulia.protocols.operators import Operator
from tertulia.protocols.session import (
    HashPassword,
    Peer,
    ReadLatest,
    Request,
    TokenBucket,
    VerifyPassword,
)
from tests.server.kit import Place, Shell

SERVER = "tea.example"
CONFIG = IrcConfig(server=SERVER, can_search=True, operators=(Operator("root", "hash of secret"),))


class Irc(Place):
    """The IRC side of a server whose disk takes everything at once."""

    def __init__(self, config: IrcConfig = CONFIG, rules: Rules | None = None) -> None:
        super().__init__(instant=True, rules=rules)
        self.rehashed: list[str | None] = []
        self.service = IrcService(self.hub, config, self._rehash)
        self.hub.observers.append(self.service.observe)
        self.hub.watchers_of = self.service.watchers_of
        self.clients: list[Client] = []

    def _rehash(self) -> str | None:
        return self.rehashed.pop()

    def connect(self, **more: Any) -> "Client":
        """A connection that has said nothing yet."""
        client = Client(self, **more)
        self.clients.append(client)
        return client

    def client(self, nick: str, *channels: str, caps: str = "", **more: Any) -> "Client":
        """Somebody who is here, in these channels; everyone has read what that led to."""
        client = self.connect(**more)
        if caps:
            client.send(f"CAP REQ :{caps}")
        client.send(f"NICK {nick}", f"USER {nick} 0 * :Real {nick}", "CAP END")
        assert client.session.user is not None
        for channel in channels:
            client.send(f"JOIN {channel}")
        self.forget()
        return client

    def forget(self) -> None:
        """Nobody reads what they were sent until now."""
        for client in self.clients:
            client.got()

    def answer(self, request: Request) -> Any:
        """What a thread would answer; a hash is none."""
        match request:
            case HashPassword(password):
                return f"hash of {password}"
            case VerifyPassword(hashed, password):
                return hashed == f"hash of {password}"
            case Page():
                return self._page(request)
            case ReadLatest():
                return {
                    event.conversation: event.hlc
                    for event in self.log.events
                    if type(event.fact) is Said
                    and event.conversation in request.conversations
                    and request.after < event.hlc < request.before
                }
        raise AssertionError

    def _page(self, page: Page) -> list[Any]:
        low = page.after or (-1, 0)
        high = page.before or (1 << 63, 0)
        found = [
            describe(event.hlc, msgid(event.hlc, event.tag), event.fact)
            for event in self.log.events
            if event.conversation in page.conversations
            and low < (event.hlc, event.tag) < high
            and is_visible(event.fact)
            and (type(event.fact) is Said or not page.messages_only)
        ]
        if page.latest:
            return found[-page.limit :] if page.limit else []
        return found[: page.limit]


class Client:
    """A program that speaks IRC."""

    def __init__(
        self,
        irc: Irc,
        *,
        host: str = "192.0.2.1",
        secure: bool = False,
        bucket: TokenBucket | None = None,
    ) -> None:
        self.irc = irc
        self.shell = Shell(irc.hub)
        self.shell.peer = Peer(host, 40_000, secure)
        self.session: IrcSession = irc.service.session(self.shell, bucket)
        self.shell.session = self.session
        self.wire = bytearray()
        self.session.write = self._on_the_wire
        self.session.greet()

    def _on_the_wire(self, data: bytes) -> None:
        self.wire += data

    @property
    def user(self) -> User:
        user = self.session.user
        assert user is not None
        return user

    def raw(self, data: bytes) -> None:
        """Send bytes, which are not read once the connection is closed."""
        if not self.shell.closed:
            self.session.receive(data)
        self.irc.run()
        self.settle()

    def settle(self, answer: Callable[[Request], Any] | None = None) -> None:
        """Let what was asked for be answered."""
        while self.shell.requests:
            request, resume = self.shell.requests.popleft()
            resume((answer or self.irc.answer)(request))
            self.irc.run()

    def send(self, *lines: str) -> None:
        """Send lines."""
        for line in lines:
            self.raw(f"{line}\r\n".encode())

    def got(self) -> list[str]:
        """The lines that came since this was last asked, without this server's name."""
        data = self.wire.decode()
        self.wire.clear()
        assert not data or data.endswith("\r\n")
        return [line.replace(f":{SERVER} ", "", 1) for line in data.split("\r\n")[:-1]]

    def asks(self, *lines: str) -> list[str]:
        """Send lines, and return what comes back."""
        self.got()
        self.send(*lines)
        return self.got()

    def numerics(self, *lines: str) -> list[str]:
        """Send lines, and return the commands that come back."""
        return commands(self.asks(*lines))


def commands(lines: list[str]) -> list[str]:
    """The commands of lines that have no tags."""
    return [line.split(" ")[1 if line.startswith(":") else 0] for line in lines]
