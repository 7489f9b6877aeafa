"""Messages as lists of fields, for tools and for people.

Rule: no I/O, and nothing here changes a message.
"""
