"""Messages taken apart into fields, for tools and for people.

Rule: messages in, descriptions out; nothing here changes a message.
"""
