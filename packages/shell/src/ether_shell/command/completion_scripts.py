"""Completion of `ether-shell` itself, in bash, zsh and fish.

click can generate such scripts too. They are not used, because each Tab would start
`ether-shell` and wait for it (0.2 seconds; these scripts answer at once), and because they
need bash 4.4 and macOS has 3.2. They could offer the names of profiles, which these don't.

Rule: pure, and made from the declarations alone: the options that click knows, and the
commands of the catalogue for the value of `-c`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import click

from ether_shell import PROGRAM
from ether_shell.language.declaration import Catalogue


@dataclass(frozen=True, slots=True)
class Flag:
    """One option of the program; `takes` is the name of its value, empty for a switch."""

    names: tuple[str, ...]
    help: str
    takes: str

    @property
    def is_file(self) -> bool:
        """Whether its value is the name of a file."""
        return self.takes == "file"


def flags_of(program: click.Command) -> tuple[Flag, ...]:
    """The options that `program` declares, and `--help`."""
    context = click.Context(program, **program.context_settings)
    declared = [*program.params, program.get_help_option(context)]
    return tuple(
        Flag((*each.opts,), (each.help or "").rstrip("."), _taken(each))
        for each in declared
        if isinstance(each, click.Option)
    )


def _taken(option: click.Option) -> str:
    if option.is_flag:
        return ""
    return "file" if isinstance(option.type, click.Path) else option.name or ""


def script(shell: str, program: click.Command, catalogue: Catalogue) -> str:
    """The completion script for `shell`, one of SHELLS."""
    commands = [(command.name, command.summary) for command in catalogue.commands]
    return SHELLS[shell](flags_of(program), commands)


def _bash(flags: tuple[Flag, ...], commands: list[tuple[str, str]]) -> str:
    names = " ".join(name for flag in flags for name in flag.names)
    values = "|".join(n for f in flags if f.takes and f.takes not in _COMPLETED for n in f.names)
    words = " ".join(name for name, _ in commands)
    files = "|".join(name for flag in flags if flag.is_file for name in flag.names)
    return f"""\
_ether_shell() {{
    local word=${{COMP_WORDS[COMP_CWORD]}}
    case ${{COMP_WORDS[COMP_CWORD-1]}} in
        -c|--command) COMPREPLY=($(compgen -W '{words}' -- "$word")) ;;
        {files}) COMPREPLY=($(compgen -f -- "$word")) ;;
        --completion) COMPREPLY=($(compgen -W '{" ".join(SHELLS)}' -- "$word")) ;;
        {values}) COMPREPLY=() ;;
        *) [[ $word == -* ]] && COMPREPLY=($(compgen -W '{names}' -- "$word")) ;;
    esac
}}
complete -o default -F _ether_shell {PROGRAM}
"""


def _zsh(flags: tuple[Flag, ...], commands: list[tuple[str, str]]) -> str:
    lines = []
    for flag in flags:
        action = {"commands": "->commands", "file": "_files", "completion": f"({_shells()})"}
        value = f":{flag.takes}:{action.get(flag.takes, ' ')}" if flag.takes else ""
        for name in flag.names:
            lines.append(f"    '*{name}[{_zsh_word(flag.help)}]{value}' \\")
    described = "\n".join(f"    '{name}:{_zsh_word(text)}'" for name, text in commands)
    return f"""\
#compdef {PROGRAM}
_ether_shell() {{
  local state
  local -a commands=(
{described}
  )
  _arguments \\
{chr(10).join(lines)}
    '1:address: '
  [[ $state == commands ]] && _describe command commands
}}
compdef _ether_shell {PROGRAM}
"""


def _zsh_word(text: str) -> str:
    return text.replace("'", "’").replace("[", "(").replace("]", ")").replace(":", " -")


def _fish(flags: tuple[Flag, ...], commands: list[tuple[str, str]]) -> str:
    lines = []
    for flag in flags:
        names = " ".join(
            f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names
        )
        value = " -r" if flag.takes else ""
        value += "" if flag.is_file else " -f"
        if flag.takes == "commands":
            value += " -a '(__ether_shell_commands)'"
        elif flag.takes == "completion":
            value += f" -a '{_shells()}'"
        lines.append(f"complete -c {PROGRAM} {names}{value} -d {_fish_word(flag.help)}")
    described = " ".join(_fish_word(f"{name}\t{text}") for name, text in commands)
    return f"""\
function __ether_shell_commands
    printf '%s\\n' {described}
end
{chr(10).join(lines)}
"""


def _fish_word(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _shells() -> str:
    return " ".join(SHELLS)


_COMPLETED = ("commands", "file", "completion")
"""The values for which a script offers something."""

SHELLS: dict[str, Callable[[tuple[Flag, ...], list[tuple[str, str]]], str]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
}
"""The supported shells, each with the function that writes its script."""
