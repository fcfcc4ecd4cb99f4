"""What terminals send for keys, where Textual takes it for something else."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

_ALT = {"/": "slash", "\x7f": "backspace"} | {key: key for key in "0123456789abdfk"}


class _Key(NamedTuple):
    value: str


def know_alt_keys() -> None:
    """Alt with a letter or digit, which most terminals send as Escape and that character, is known
    at once.

    Textual takes the digits for what the Option key of a certain keyboard types, and waits for a
    while after the letters whether more comes; what comes then is mixed up with it.
    """
    known = cast("dict[str, Any]", ANSI_SEQUENCES_KEYS)
    for character, name in _ALT.items():
        known[f"\x1b{character}"] = (_Key(f"alt+{name}"),)
