"""What somebody wants the interface to be like."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Taste(Struct, frozen=True, kw_only=True):
    """*theme*: ``auto`` is dark or light as the terminal is, ``terminal`` has its own colours.
    *notify* is how one is called while looking elsewhere."""

    theme: Literal["auto", "dark", "light", "terminal"] = "auto"
    notify: Literal["off", "bell", "osc9", "osc777"] = "bell"
