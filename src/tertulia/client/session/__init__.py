"""The client's end of IRC, which only computes: see `session`."""
