"""Where the shell keeps its own files: the configuration and the history.

Rule: names only; nothing is opened or created here. platformdirs is imported when a
location is asked for, so that `--version` and `--help` do not wait for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from platformdirs.unix import Unix


def config_file() -> Path:
    """`$XDG_CONFIG_HOME/ether/shell.toml`, by default `~/.config/ether/shell.toml`."""
    return _folders().user_config_path / "shell.toml"


def history_file() -> Path:
    """`$XDG_STATE_HOME/ether/history`, by default `~/.local/state/ether/history`."""
    return _folders().user_state_path / "history"


def _folders() -> Unix:
    """The folders of the XDG specification; a variable without an absolute path counts as unset.

    They are the same on macOS, where other command-line programs use them too.
    """
    from platformdirs.unix import Unix

    return Unix("ether")
