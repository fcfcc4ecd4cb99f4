"""Sockets that hear what is said to a multicast group."""

from __future__ import annotations

import socket


def open_ear_for(family: socket.AddressFamily, group: str, port: int) -> socket.socket:
    """Return a socket that hears what is said to the group. Raises `OSError`."""
    ear = socket.socket(family, socket.SOCK_DGRAM)
    try:
        ear.setblocking(False)
        # There may be several servers on this machine, and each hears everything.
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Bound to the group, it hears nothing that was sent to this machine alone.
        ear.bind((group, port))
    except BaseException:
        ear.close()
        raise
    return ear
