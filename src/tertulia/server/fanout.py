"""Who is to see a change, and the bytes each of them gets.

Sessions are grouped by *flavour*: all of one group get the same bytes, rendered once.
Consecutive changes for one audience form a *run*, which is joined once a flavour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from tertulia.domain.changes import Change
from tertulia.protocols.session import Flavour, Later, Session

AnySession: TypeAlias = Session[Any]
Recipients: TypeAlias = Sequence[AnySession]
Groups: TypeAlias = "Sequence[tuple[Flavour, Recipients]]"


class Audience:
    """The sessions on this server that see what happens in one place, by flavour."""

    __slots__ = ("_groups", "_snapshot")

    def __init__(self) -> None:
        self._groups: dict[Flavour, dict[AnySession, None]] = {}
        self._snapshot: Groups | None = None

    def add(self, session: AnySession) -> None:
        """Let *session* see what happens from now on."""
        self._groups.setdefault(session.flavour, {})[session] = None
        self._snapshot = None

    def remove(self, session: AnySession) -> None:
        """Let *session* see no more of it."""
        group = self._groups.get(session.flavour)
        if group is not None and session in group:
            del group[session]
            self._snapshot = None
            if not group:
                del self._groups[session.flavour]

    def groups(self) -> Groups:
        """Return the sessions by flavour; what is returned does not change any more."""
        if self._snapshot is None:
            self._snapshot = [(f, tuple(group)) for f, group in self._groups.items()]
        return self._snapshot

    def without(self, flavour: Flavour, absent: Iterable[AnySession]) -> Recipients:
        """Return the sessions of one flavour that are not among *absent*."""
        group = self._groups[flavour].copy()
        for session in absent:
            group.pop(session, None)
        return tuple(group)

    def __contains__(self, session: AnySession) -> bool:
        return session in self._groups.get(session.flavour, ())

    def __bool__(self) -> bool:
        return bool(self._groups)


class Run:
    """Consecutive changes for one audience, with who is not to see each (its speaker).

    *durable* tells that they must not be seen unless their events are on disk.
    """

    __slots__ = ("audience", "durable", "items")

    def __init__(self, audience: Audience, durable: bool) -> None:
        self.audience = audience
        self.durable = durable
        self.items: list[tuple[Change, AnySession | None]] = []

    def rendered(self) -> Iterable[tuple[Recipients, bytes | Later]]:
        """Yield what is to be sent to whom."""
        # Who speaks from outside the channel hears nothing of what is said there.
        speakers = {by for _, by in self.items if by is not None and by in self.audience}
        for flavour, recipients in self.audience.groups():
            if flavour.is_paced:
                yield from self._later(flavour, recipients, speakers)
                continue
            render = flavour.render
            lines = [render(change) for change, _ in self.items]
            silent = [s for s in speakers if s.flavour is flavour] if speakers else ()
            if silent:
                recipients = self.audience.without(flavour, silent)
                yield from self._to_speakers(silent, lines)
            if recipients and (chunk := b"".join(lines)):
                yield recipients, chunk

    def _later(
        self, flavour: Flavour, recipients: Recipients, speakers: Iterable[AnySession]
    ) -> Iterable[tuple[Recipients, Later]]:
        silent = [s for s in speakers if s.flavour is flavour]
        for speaker in silent:
            others = [change for change, by in self.items if by is not speaker]
            if others:
                yield (speaker,), Later(flavour, others)
        if silent:
            recipients = self.audience.without(flavour, silent)
        if recipients:
            yield recipients, Later(flavour, [change for change, _ in self.items])

    def _to_speakers(
        self, speakers: Iterable[AnySession], lines: list[bytes]
    ) -> Iterable[tuple[Recipients, bytes]]:
        for speaker in speakers:
            others = b"".join(
                [line for line, (_, by) in zip(lines, self.items, strict=True) if by is not speaker]
            )
            if others:
                yield (speaker,), others


def union(audiences: Iterable[Audience], without: AnySession | None = None) -> Groups:
    """Return all sessions of *audiences*, each once, by flavour."""
    merged: dict[Flavour, dict[AnySession, None]] = {}
    for audience in audiences:
        for flavour, recipients in audience.groups():
            merged.setdefault(flavour, {}).update(dict.fromkeys(recipients))
    if without is not None:
        for group in merged.values():
            group.pop(without, None)
    return [(flavour, tuple(group)) for flavour, group in merged.items()]
