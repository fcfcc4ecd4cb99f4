"""The protocols. Each is sans-IO: bytes come in, intents go to the core; changes become bytes."""
