"""IRC as in the Modern IRC specification (modern.ircdocs.horse) and IRCv3 (ircv3.net).

Nothing is imported here: a client takes the parser, and has no use for the rest.
"""
