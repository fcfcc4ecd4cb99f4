"""Finding who has a nickname that could be taken for another."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from tertulia.domain.names import Nickname


class Named(Protocol):
    """Whoever has a nickname."""

    nick: Nickname


N = TypeVar("N", bound=Named)


class Lookalikes(Generic[N]):
    """Those who have nicknames, by what these look like."""

    __slots__ = ("by_skeleton",)

    def __init__(self) -> None:
        self.by_skeleton: dict[str, tuple[N, ...]] = {}

    def add(self, one: N) -> None:
        """Count in the nickname of *one*."""
        for skeleton in one.nick.skeletons:
            self.by_skeleton[skeleton] = (*self.by_skeleton.get(skeleton, ()), one)

    def remove(self, one: N) -> None:
        """Forget the nickname of *one*, which must be what it was when it was added."""
        for skeleton in one.nick.skeletons:
            known = self.by_skeleton.get(skeleton, ())
            others = tuple(other for other in known if other is not one)
            if others:
                self.by_skeleton[skeleton] = others
            else:
                self.by_skeleton.pop(skeleton, None)

    def find(self, nick: Nickname, besides: N | None = None) -> N | None:
        """Return who, *besides* this one, has *nick* or a nickname that looks like it."""
        for skeleton in nick.skeletons:
            for one in self.by_skeleton.get(skeleton, ()):
                if one is not besides and nick.looks_like(one.nick):
                    return one
        return None
