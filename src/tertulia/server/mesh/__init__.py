"""The asyncio shell of `tertulia.replication`: links with other servers, and what leads to them."""
