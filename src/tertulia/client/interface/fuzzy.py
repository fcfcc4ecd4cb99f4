"""Finding a name by a few of its letters."""

from __future__ import annotations


def score(wanted: str, name: str) -> int | None:
    """Return how well the letters of *wanted* are found in *name*, in order: less is better.

    None if they are not there. Where they are together, and at the start, is best.
    """
    wanted, name = wanted.casefold(), name.casefold()
    start = name.find(wanted)
    if start >= 0:
        bare = name.lstrip("#&+!")
        return 0 if bare.startswith(wanted.lstrip("#&+!")) else 10 + start
    at, gaps = -1, 0
    for letter in wanted:
        found = name.find(letter, at + 1)
        if found < 0:
            return None
        gaps += found - at - 1
        at = found
    return 100 + gaps
