"""What numeric clients are sent."""

from __future__ import annotations

from tertulia.domain import changes as c
from tertulia.domain.changes import Change
from tertulia.domain.events import SENT_TAG
from tertulia.domain.ids import Hlc, milliseconds
from tertulia.domain.names import is_number
from tertulia.domain.state import State
from tertulia.domain.text import pieces
from tertulia.domain.users import User
from tertulia.protocols import words
from tertulia.protocols.numeric.parser import STRICT_BYTES, TEXT_CHARACTERS

OLD_BYTES = 1024
"""What an old client takes off its socket at once, and takes for one frame."""
END = b"\n"
"""Ends each frame. It is sent to clients that read by line; for others it is where to cut."""
LAST_SECOND = 10**10 - 1
"""What fits a TIMESTAMP; whoever has read something may name any time."""
NOBODY = "0" * 13
"""Who says what nobody says who has a number."""


class NumericFlavour:
    """What numeric clients are told the moment it happens: nothing.

    What is meant for them is put by, and handed to them from there (`Frames`).
    """

    __slots__ = ()

    is_paced = False
    """They are, but there is nothing to leave out."""

    def render(self, _change: Change) -> bytes:
        """Return nothing."""
        return b""


class Frames:
    """Makes the frames for one user; *state* tells the numbers of channels.

    COMPAT: the original client calls ``recv(1024)`` and takes the result for one frame. The
    receipts, which bear it, are padded to that, so that no other is ever found glued to them.
    Clients that pad are sent frames of `STRICT_BYTES`, those that read by line none that are
    padded.
    """

    __slots__ = ("_state", "_user", "padded_to", "receipt_bytes")

    def __init__(self, state: State, user: User) -> None:
        self._state = state
        self._user = user
        self.padded_to = 0
        self.receipt_bytes = OLD_BYTES

    def pad(self, frame_bytes: int) -> None:
        """Pad frames to that many bytes from now on; 0 for none."""
        self.padded_to = self.receipt_bytes = frame_bytes

    def render(self, change: Change) -> bytes:
        """Return the frames for *change*; empty if there is none for it."""
        match change:
            case c.Spoken():
                return self._message(change, words.spoken(change, str))
            case c.Expelled():
                return self._kicked(change)
            case c.Gathered():
                return self._framed("11", change.group, _seconds(change.hlc), *change.everyone)
            case c.Acknowledged(seen=True):
                seconds = min(change.at // 1000, LAST_SECOND)
                return self._receipt("09", change.by.number, f"{seconds:010}")
            case c.Acknowledged():
                return self._receipt("07", change.about, _seconds(change.hlc))
            case _:
                return b""

    def _message(self, change: c.Spoken, text: str) -> bytes:
        # The sender's own clock is shown, as far as it tells something that fits.
        sent = (change.tags or {}).get(SENT_TAG, "")
        if not (len(sent) == 10 and sent.isascii() and sent.isdigit()):
            sent = _seconds(change.hlc)
        return self._text(change.by.number, change.target, sent, text)

    def _kicked(self, change: c.Expelled) -> bytes:
        [text] = words.sentences(change, str)
        return self._text(change.by.number, change.channel, _seconds(change.hlc), text)

    def _text(self, number: str, target: str, sent: str, text: str) -> bytes:
        source = number if is_number(number) else NOBODY
        channel = self._state.channel_named(target)
        to = self._user.number if channel is None else channel.number
        # What is 256 bytes wide holds 218 bytes of text, however few characters they are.
        parts = pieces(text, TEXT_CHARACTERS) if self.padded_to else _parts(text)
        return b"".join([self._framed("06", source, to, sent, part) for part in parts])

    def _receipt(self, *fields: str) -> bytes:
        return "".join(fields).encode().ljust(self.receipt_bytes) + END

    def _framed(self, *fields: str) -> bytes:
        frame = "".join(fields).encode()
        if self.padded_to:
            # A large group is told in a frame of twice the width, or more.
            frame = frame.ljust(-(-len(frame) // self.padded_to) * self.padded_to)
        return frame + END


def assigned(number: str, padded_to: int = 0) -> bytes:
    """Return the frame that tells a number."""
    return f"02{number}".encode().ljust(padded_to) + END


def cut_frames(data: bytes) -> list[bytes]:
    """Return the frames of *data*, for clients that do not read by line."""
    return data.split(END)[:-1]


def _parts(text: str) -> list[str]:
    """Split *text* into parts that fit a frame, at a space where there is one."""
    parts = []
    while len(text) > TEXT_CHARACTERS:
        space = text.rfind(" ", TEXT_CHARACTERS // 2, TEXT_CHARACTERS) + 1
        parts.append(text[: space or TEXT_CHARACTERS])
        text = text[space or TEXT_CHARACTERS :]
    return [*parts, text] if text else parts


def _seconds(hlc: Hlc) -> str:
    return f"{milliseconds(hlc) // 1000:010}"


__all__ = ["STRICT_BYTES", "Frames", "NumericFlavour", "assigned", "cut_frames"]
