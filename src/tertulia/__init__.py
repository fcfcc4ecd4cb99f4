"""Tertulia: one chat server, one set of users, channels and history, many protocols into it."""

__version__ = "0.1.0.dev0"
