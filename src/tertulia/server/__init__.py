"""The asyncio shell: listeners, connections, limits, and the gate that nothing passes early."""
