"""TLS to a server: certificates that somebody vouches for, and those that are remembered.

The servers of a local network sign theirs themselves. Such a one is trusted when one comes for the
first time, and remembered; another one in its place is refused until a person says that it is
right. Where somebody vouched once, somebody has to ever after.
"""

from __future__ import annotations

import hashlib
import ssl
from typing import Protocol

VOUCHED = "vouched"
"""What is remembered of a server whose certificate an authority has signed."""


class Pins(Protocol):
    """What is remembered of the certificates of servers, by their addresses."""

    def pin(self, address: str) -> str | None:
        """Return the fingerprint, or `VOUCHED`; None of a server where one never was."""

    def set_pin(self, address: str, fingerprint: str) -> None:
        """Remember one."""


class Forgetful:
    """Pins that last as long as the program."""

    def __init__(self) -> None:
        self._pins: dict[str, str] = {}

    def pin(self, address: str) -> str | None:
        """Return what is remembered."""
        return self._pins.get(address)

    def set_pin(self, address: str, fingerprint: str) -> None:
        """Remember it."""
        self._pins[address] = fingerprint


def checking() -> ssl.SSLContext:
    """Return a context that refuses certificates that nobody vouches for."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def taking_any() -> ssl.SSLContext:
    """Return one that takes all, for certificates that are compared with what is remembered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate as openssl writes it: ``AE:A5:…``."""
    digest = hashlib.sha256(der).hexdigest().upper()
    return ":".join([digest[at : at + 2] for at in range(0, len(digest), 2)])
