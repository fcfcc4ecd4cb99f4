"""How servers agree: ranges of logs are copied, who is here is told, and links come and go.

Nothing here knows what an event says. A `Node` is the part that thinks (sans-IO); a `Link` is one
connection to another server; the core gives what it wrote and takes what others did.
"""
