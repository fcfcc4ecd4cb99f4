"""What can go wrong with what is on disk."""

from __future__ import annotations


class StorageError(Exception):
    """The disk or the database refused; ``str(error)`` says what, in one line."""
