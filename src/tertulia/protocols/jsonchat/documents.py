"""From fields to bytes: documents for programs, and for old clients that know no framing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tertulia.domain.text import pieces

FRAME_BYTES = 1024
"""What an old client takes off its socket at once, and takes for one message."""

Fields = dict[str, Any]

_encode = msgspec.json.Encoder().encode


def cut_frames(data: bytes) -> list[bytes]:
    """Return the documents of *data*, which are of `FRAME_BYTES` each."""
    return [data[i : i + FRAME_BYTES] for i in range(0, len(data), FRAME_BYTES)]


class Documents:
    """Makes documents: of exactly *frame_bytes* each, or a line each and of any length.

    Texts must be readable (`words.readable`): no character of them may take more than
    twice its bytes in JSON.
    """

    __slots__ = ("frame_bytes",)

    def __init__(self, frame_bytes: int | None) -> None:
        self.frame_bytes = frame_bytes

    def one(self, fields: Fields) -> bytes:
        """Return a document; what is in it must be short."""
        return self._framed(_encode(fields))

    def fitting(self, fields: Fields, key: str, text: str) -> bytes:
        """Return one document with *text* as its *key*, cut where it does not fit."""
        document = _encode({**fields, key: text})
        if not self._fits(document):
            head = next(_parts(text, self._room({**fields, key: ""})))
            document = _encode({**fields, key: head})
        return self._framed(document)

    def spread(self, fields: Fields, key: str, text: str) -> bytes:
        """Return documents that have, one after the other, all of *text* as their *key*."""
        document = _encode({**fields, key: text})
        if self._fits(document):
            return self._framed(document)
        room = self._room({**fields, key: ""})
        return b"".join([self.one({**fields, key: part}) for part in _parts(text, room)])

    def listed(self, fields: Fields, keys: tuple[str, ...], names: Sequence[str]) -> bytes:
        """Return documents that have, one after the other, all *names*, under each of *keys*."""
        fields = {**fields, **dict.fromkeys(keys, names)}
        if self.frame_bytes is None:
            return self.one(fields)
        room = self._room({**fields, **dict.fromkeys(keys, ())})
        groups = _groups(names, room // len(keys))
        return b"".join([self.one({**fields, **dict.fromkeys(keys, g)}) for g in groups])

    def _fits(self, document: bytes) -> bool:
        return self.frame_bytes is None or len(document) < self.frame_bytes

    def _framed(self, document: bytes) -> bytes:
        if self.frame_bytes is None:
            return document + b"\n"
        # COMPAT: the classic client and the discovery client call recv(1024) and parse what
        # comes; what is padded to that they never find glued. The padding ends with a
        # newline so that a new program can read by line before it has said that it does.
        assert self._fits(document), document
        return document.ljust(self.frame_bytes - 1) + b"\n"

    def _room(self, fields: Fields) -> int:
        """Return how many bytes are left beside *fields*."""
        assert self.frame_bytes is not None
        return self.frame_bytes - 1 - len(_encode(fields))


def _parts(text: str, room: int) -> Iterator[str]:
    """Split *text* into parts that take at most *room* bytes in JSON each."""
    for piece in pieces(text, room):
        if _size(piece) <= room:
            yield piece
        else:
            yield from pieces(piece, room // 2)


def _groups(names: Sequence[str], room: int) -> Iterator[list[str]]:
    """Split *names* into lists of at most *room* bytes in JSON; none are one empty list."""
    group: list[str] = []
    used = 0
    for name in names:
        size = _size(name) + len('"",')
        if group and used + size > room:
            yield group
            group, used = [], 0
        group.append(name)
        used += size
    yield group


def _size(text: str) -> int:
    """Return how many bytes *text* takes between the quotes."""
    return len(_encode(text)) - 2
