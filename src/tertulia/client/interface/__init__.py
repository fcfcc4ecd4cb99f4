"""The interface in the terminal, with Textual: it draws what a session knows, and asks it for what
somebody wants. Imports of it are late, because a command line has no use for it."""
