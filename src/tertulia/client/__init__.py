"""What a program needs that comes to a server, and is none itself."""
