"""The conversation with a person: the prompt and all that is drawn around it.

Rule: nothing here is needed by a script, and no key that is pressed waits for
the server.
"""
