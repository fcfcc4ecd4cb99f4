"""A load generator that compares IRC servers over real sockets (see README.md)."""
