"""Calling somebody who looks elsewhere: the bell, or a notification of the terminal."""

from __future__ import annotations

from tertulia.client.interface.formats import bare

MOST = 200


def sequence(way: str, title: str, text: str) -> str:
    """Return what to write to the terminal, empty if *way* is none.

    ``osc9`` is understood by iTerm2, kitty, Windows Terminal; ``osc777`` by urxvt, foot, Ghostty.
    Nothing in *title* or *text* can end the sequence, or become another.
    """
    title, text = _harmless(title), _harmless(text)
    if way == "bell":
        return "\a"
    if way == "osc9":
        return f"\x1b]9;{title}: {text}\a"
    if way == "osc777":
        return f"\x1b]777;notify;{title.replace(';', ',')};{text}\a"
    return ""


def _harmless(text: str) -> str:
    return "".join(one for one in bare(text) if one.isprintable())[:MOST]
