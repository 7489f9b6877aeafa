"""The user interface at a terminal: the prompt, the full screen, and what is drawn around them.

Rule: prompt_toolkit is imported only here, and only by modules that a script does not load.
No key press waits for the server.
"""
