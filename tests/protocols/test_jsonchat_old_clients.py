"""The two old clients, as far as they matter: how they read, and what they do with it."""

import json

import pytest

from tertulia.domain.commands.join import Join
from tertulia.domain.commands.modes import SetModes
from tertulia.domain.commands.rename import Rename
from tertulia.domain.commands.say import Say
from tertulia.domain.commands.topic import SetTopic
from tertulia.domain.events import ModeChange
from tertulia.domain.names import ChannelName, Nickname
from tertulia.domain.text import message_text
from tertulia.protocols.jsonchat import Dialect
from tests.protocols.jsonchat_kit import Client, Core


class OldClient(Client):
    """What is common: one recv(1024) is one message, whatever it is."""

    def __init__(self, core, dialect):
        super().__init__(core, dialect)
        self.printed = []

    def recv(self):
        data = bytes(self.shell.sent[:1024])
        del self.shell.sent[:1024]
        return json.loads(data.decode())

    def read(self):
        """Handle all that has come; return what was printed."""
        while self.shell.sent:
            self.handle(self.recv())
        printed, self.printed = self.printed, []
        return printed

    def handle(self, message):
        raise NotImplementedError


class ClassicClient(OldClient):
    """Waits for a greeting, asks for names until one is taken, then starts to read."""

    def __init__(self, core, *names):
        super().__init__(core, Dialect.CLASSIC)
        self.printed.append(self.recv()["message"])
        for name in names:
            self.send("LOGIN", name=name)
            answer = self.recv()
            if answer["op"] == "LOGIN":
                self.name = answer["name"]
                break
        assert not self.shell.sent

    def handle(self, message):
        text = message["message"]
        if "name" not in message:
            self.printed.append(f">>>> : {text}")
        elif message["target"] == "§§":
            self.printed.append(f"{message['name']}: {text}")
        else:
            self.printed.append(f"{message['target']} >> {message['name']}: {text}")

    def types(self, line):
        """What a person types, as the client sends it."""
        command, _, rest = line.partition(":")
        if command == "/join":
            channel, _, password = rest.partition(":")
            self.send("JOIN", channel=channel, user=self.name, **{"pass": password})
        elif command == "/exit":
            self.send("PART", channel=rest, user=self.name)
        else:
            self.send("MESSAGE", target=command, name=self.name, message=rest)


class DiscoveryClient(OldClient):
    """Says its name at once, and knows these ops."""

    def __init__(self, core, name):
        super().__init__(core, Dialect.DISCOVERY)
        self.running = True
        assert not self.shell.sent
        self.send("LOGIN", name=name)

    def handle(self, message):
        op = message["op"]
        handler = getattr(self, f"on_{op.lower()}", None)
        self.printed.append(f"unknown: {op}" if handler is None else handler(message))

    def on_message(self, message):
        return f"[{message['target']}] {message['name']}: {message['message']}"

    def on_join(self, message):
        return f"{message['user']} joined {message['channel']}"

    def on_part(self, message):
        return f"{message['user']} left {message['channel']}"

    def on_admin(self, message):
        return f"{message['user']} is admin of {message['channel']}"

    def on_kick(self, message):
        return f"{message['user']} kicked from {message['channel']} {message.get('message')}"

    def on_channels(self, message):
        return ", ".join(message["channels"])

    def on_users(self, message):
        return ", ".join(message["users"]) + f" of {message.get('channel')}"

    def on_error(self, message):
        return f"error: {message['message']}"

    def on_disconnect(self, message):
        self.running = False
        return f"bye: {message['message']}"


@pytest.fixture
def core():
    return Core()


def test_they_talk_in_one_channel(core):
    classic, discovery = ClassicClient(core, "Ana"), DiscoveryClient(core, "Bea")
    assert classic.name == "ana"
    assert len(classic.read()) == 1
    classic.types("/join:tea")
    discovery.send("JOIN", channel="#tea", user="Bea", **{"pass": ""})
    classic.types("#tea:hello: you")
    discovery.send("MESSAGE", target="#tea", name="Bea", message="hi")
    discovery.send("MESSAGE", target="ana", name="Bea", message="psst")
    classic.types("bea:what?")
    classic.types("&:all here")
    classic.types("*:all")
    assert classic.read() == [
        ">>>> : ana joined #tea",
        ">>>> : ana is an admin of #tea",
        ">>>> : bea joined #tea",
        "#tea >> ana: hello: you",
        "#tea >> bea: hi",
        "bea: psst",
        "& >> ana: all here",
        "* >> ana: all",
    ]
    assert discovery.read() == [
        "Bea joined #tea",
        "[#tea] Ana: hello: you",
        "[#tea] Bea: hi",
        "[Bea] Ana: what?",
        "[&] Ana: all here",
        "[*] Ana: all",
    ]


def test_the_classic_client_asks_until_a_name_is_free(core):
    ClassicClient(core, "ana")
    assert ClassicClient(core, "ANA", "a b", "", "bea").name == "bea"


def test_the_discovery_client_ends_cleanly_when_its_name_is_taken(core):
    ClassicClient(core, "ana")
    client = DiscoveryClient(core, "Ana")
    assert client.read() == ["bye: The nickname Ana is already in use"]
    assert not client.running
    assert client.shell.closed


def test_the_commands_of_the_discovery_client(core):
    ana, bea = DiscoveryClient(core, "Ana"), DiscoveryClient(core, "Bea")
    ana.send("JOIN", channel="#tea", user="Ana", **{"pass": "x"})
    bea.send("JOIN", channel="#tea", user="Bea", **{"pass": "y"})
    bea.send("JOIN", channel="#tea", user="Bea", **{"pass": "x"})
    ana.send("ADMIN", channel="#tea", user="Bea")
    bea.send("KICK", channel="#tea", user="Ana", message="out")
    bea.send("USERS", channel="#tea", users=[], hash="")
    bea.send("CHANNELS", channels=[])
    bea.send("PART", channel="#tea", user="Bea")
    assert ana.read() == [
        "Ana joined #tea",
        "Ana is admin of #tea",
        "Bea joined #tea",
        "Bea is admin of #tea",
        "Ana kicked from #tea out",
    ]
    assert bea.read() == [
        "error: The password of #tea is missing or wrong",
        "Bea joined #tea",
        "Bea is admin of #tea",
        "Ana kicked from #tea out",
        "Bea of #tea",
        "#lobby, #tea",
        "Bea left #tea",
    ]


def test_nothing_that_others_do_breaks_them(core):
    classic, discovery = ClassicClient(core, "Old"), DiscoveryClient(core, "New")
    for client in (classic, discovery):
        client.send("JOIN", channel="#tea")
    user = core.user("Irc")
    for intent in (
        Join(ChannelName.parse("#tea")),
        Say(core.channel("#tea"), message_text('"\\😀' * 600)),
        Rename(Nickname.parse("Ira")),
    ):
        core.do(user, intent)
    classic.send("ADMIN", channel="tea", user="ira")
    core.do(user, SetTopic(core.channel("#tea"), '"' * 390))
    core.do(user, SetModes(core.channel("#tea"), (ModeChange(True, "b", "x!*@*"),)))
    for client in (classic, discovery):
        for op in ("USERS", "CHANNELS", "NONSENSE", "KICK"):
            client.send(op)
        client.raw(b"{nope")
        client.raw(b"[]")
        client.session.end("The server stops")
        assert len(client.read()) > 15
    assert not discovery.running
