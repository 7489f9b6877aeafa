"""The user interface at a terminal: the prompt, the full screen, and what is drawn around them.

Rule: prompt_toolkit is imported only here, and only by modules that are loaded for a terminal.
No key press waits for the server.
"""
