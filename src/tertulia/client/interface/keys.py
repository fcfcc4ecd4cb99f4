"""The keys, once: for the screen that listens to them, and for the help that lists them."""

from __future__ import annotations

from typing import NamedTuple

from textual.binding import Binding

from tertulia.client.words import Words


class Key(NamedTuple):
    """A key: what it does, how it is written, and what help says of it (not translated yet)."""

    keys: str
    action: str
    written: str = ""
    help: str = ""


def _n(text: str) -> str:
    """Mark *text* for the translators: it is translated when it is shown."""
    return text


KEYS = (
    Key("f1", "app.help", "F1", _n("this help")),
    Key("ctrl+k", "app.switch", "Ctrl+K", _n("go to a channel or person")),
    Key("ctrl+f", "app.search", "Ctrl+F", _n("search what was said")),
    Key("alt+a", "app.next_active", "Alt+A", _n("go where something was said")),
    Key("alt+up", "app.step(-1)", "Alt+↑ ↓", _n("the channel above, below")),
    Key("alt+down", "app.step(1)"),
    *(Key(f"alt+{n}", f"app.number({n})") for n in range(2, 10)),
    Key("alt+1", "app.number(1)", "Alt+1 … 9", _n("go to the channel of that number")),
    Key("alt+0", "app.number(10)"),
    Key("alt+slash,alt+left,alt+right", "app.return", "Alt+/", _n("go where one was before")),
    Key("pageup", "screen.page(-1)", "PgUp PgDn", _n("scroll")),
    Key("pagedown", "screen.page(1)"),
    Key("alt+pageup,shift+up", "screen.page(-0.1)"),
    Key("alt+pagedown,shift+down", "screen.page(0.1)"),
    Key("ctrl+home,alt+home", "screen.start"),
    Key("ctrl+end,alt+end", "screen.latest", "Ctrl+End", _n("go to the latest message")),
    Key("f5", "app.send_again", "F5", _n("send again what could not be sent")),
    Key("f6", "app.drop", "F6", _n("give up what could not be sent")),
    Key("f7", "screen.toggle_list('buffers')", "F7", _n("show or hide the channels")),
    Key("f8", "screen.toggle_list('members')", "F8", _n("show or hide who is there")),
    Key("ctrl+r", "app.reconnect", "Ctrl+R", _n("connect now")),
    Key("escape", "screen.latest"),
    Key("ctrl+c", "screen.copy", "Ctrl+C", _n("copy what is selected, or empty the line")),
    Key("ctrl+q", "app.leave", "Ctrl+Q", _n("leave the chat")),
)

TYPING = (
    ("↑ ↓", _n("what was typed before")),
    ("Tab", _n("complete names and commands")),
    ("Ctrl+A  Ctrl+E", _n("to the start, to the end")),
    ("Alt+B  Alt+F", _n("a word back, a word on")),
    ("Ctrl+W  Alt+D", _n("delete the word before, after")),
    ("Ctrl+U  Alt+K", _n("delete to the start, to the end")),
    ("Ctrl+Y", _n("put it in again")),
)


def bindings() -> list[Binding]:
    """Return the keys for the screen."""
    return [Binding(key.keys, key.action, show=False) for key in KEYS]


def listed(_: Words) -> list[tuple[str, str]]:
    """Return what help says of the keys."""
    return [(key.written, _(key.help)) for key in KEYS if key.written]


def typing(_: Words) -> list[tuple[str, str]]:
    """Return what help says of the keys that are for what one types."""
    return [(written, _(told)) for written, told in TYPING]
