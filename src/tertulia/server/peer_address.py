"""Where another server is, as people write it: ``host:port``."""

from __future__ import annotations

from urllib.parse import urlsplit

DEFAULT_PORT = 7447


def peer_address(text: str) -> tuple[str, int]:
    """Return the host and the port that *text* names; an IPv6 address is in brackets, and the
    port may be left out. Raises `ValueError` with what is wrong."""
    if not text or not text.isprintable() or any(c in text for c in " /?#@"):
        raise ValueError("write it like host:7447 or [fd00::1]:7447")
    if text.count(":") > 1 and not text.startswith("["):
        raise ValueError("write an IPv6 address in brackets, like [fd00::1]:7447")
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port
        # The scope of a link-local address is the name of an interface, which has its case.
        host = text[1 : text.index("]")] if text.startswith("[") else parts.hostname
    except ValueError:
        raise ValueError("the port is a number from 1 to 65535") from None
    if not host or port == 0 or text.endswith(":"):
        raise ValueError("write it like host:7447 or [fd00::1]:7447")
    return host, DEFAULT_PORT if port is None else port


def shown_address(host: str, port: int) -> str:
    """Return an address as people write it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
