"""What a chat is: names, texts, events and the state they lead to.

Nothing in this package knows a socket, a clock, a disk or a protocol.
"""
