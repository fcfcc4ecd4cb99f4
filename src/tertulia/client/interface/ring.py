"""Calling somebody who looks elsewhere: the bell, or a notification of the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from tertulia.client.interface.formats import bare

MOST = 200


def sequence(way: str, title: str, text: str, environment: Mapping[str, str]) -> str:
    """Return what to write to the terminal, empty if *way* is none.

    Most terminals that have notifications understand OSC 9, urxvt OSC 777; through tmux it has to
    be wrapped, and tmux lets it through with ``allow-passthrough``. Nothing in *title* or *text*
    can end the sequence, or become another.
    """
    if way == "bell":
        return "\a"
    if way != "osc":
        return ""
    title, text = _harmless(title), _harmless(text)
    if environment.get("TERM", "").startswith("rxvt"):
        return f"\x1b]777;notify;{title.replace(';', ',')};{text}\a"
    written = f"\x1b]9;{title}: {text}\a"
    if environment.get("TMUX"):
        return f"\x1bPtmux;\x1b{written}\x1b\\"
    return written


def _harmless(text: str) -> str:
    return "".join(one for one in bare(text) if one.isprintable())[:MOST]
