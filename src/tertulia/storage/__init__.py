"""What is on disk: the log of events, the durable state, and the search index."""
