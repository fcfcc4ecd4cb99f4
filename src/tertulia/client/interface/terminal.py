"""What terminals do that Textual does not expect: what they send for keys, and that they go."""

from __future__ import annotations

import contextlib
from typing import IO, Any, NamedTuple, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.drivers.linux_driver import LinuxDriver

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


class TerminalDriver(LinuxDriver):
    """A terminal that may be gone: the client still takes leave, and keeps what is not sent."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._file = cast("Any", _Forgiving(cast("IO[str]", self._file)))


class _Forgiving:
    """A file that takes everything, even if nobody is behind it any more.

    What writes to it in the background would end otherwise, and who waits for that would never.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        """Write *text*."""
        with contextlib.suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        """Write what is not written yet."""
        with contextlib.suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._file.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._file.isatty()
