"""`python -m ether_shell` is `ether-shell`.

Rule: nothing is decided here.
"""

from ether_shell.command.entry import main

if __name__ == "__main__":
    main()
