"""The Python environment of a commit: its three packages, with the dependencies of this one.

Rule: nothing is left in the repository. The commit's files and its environment
are made in a folder of the caller's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
_PACKAGES = ("protocol", "daemon", "shell")


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment with Ether in it, by the path of its Python."""

    python: Path

    def program(self, name: str) -> str:
        """The path of the installed command `name`."""
        return str(self.python.with_name(name))


OWN = Environment(Path(sys.executable))
"""The environment that runs the benchmark; Ether is installed in it from the working tree."""


def commit_of(revision: str) -> str:
    """The commit that git understands by `revision`; raises RuntimeError if there is none."""
    try:
        wanted = f"{revision}^{{commit}}"
        return _git("rev-parse", "--verify", "--quiet", "--end-of-options", wanted)
    except subprocess.CalledProcessError:
        raise RuntimeError(f"git finds no commit {revision!r}") from None


def working_tree() -> str:
    """What the working tree is: its commit, and whether something in it was changed."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "packages")
    return _git("rev-parse", "HEAD")[:12] + (" with changes" if changed else "")


def build(commit: str, folder: Path) -> Environment:
    """Install the packages of `commit` in a new environment below `folder`.

    They are installed as `nox -s bench` installs those of the working tree:
    editable, under the same Python. All other packages get the versions that
    they have here, so that the two differ by the commit alone.
    """
    sources = folder / "sources"
    sources.mkdir()
    archive = folder / "sources.tar"
    _git("archive", "--format", "tar", "--output", str(archive), commit, "packages")
    subprocess.run(["tar", "-xf", str(archive), "-C", str(sources)], check=True)
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(_installed_here()))
    packages = [
        word for name in _PACKAGES for word in ("--editable", str(sources / "packages" / name))
    ]
    wanted = ["--quiet", "--constraint", str(constraints), *packages]
    environment = Environment(folder / "environment" / "bin" / "python")
    home, python = str(folder / "environment"), str(environment.python)
    if shutil.which("uv"):
        _run("uv", "venv", "--quiet", "--python", sys.executable, home)
        _run("uv", "pip", "install", "--python", python, *wanted)
    else:
        _run(sys.executable, "-m", "venv", home)
        _run(python, "-m", "pip", "install", *wanted)
    return environment


def keep_bytecode_in(folder: Path) -> None:
    """Have all Python processes that are started from now on keep their bytecode in `folder`.

    Otherwise the environment that was used before would start faster. It would
    also need more memory for each block: what compiling leaves in the allocator
    is not counted when blocks fill it.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def _installed_here() -> list[str]:
    return [
        f"{found.name}=={found.version}"
        for found in distributions()
        if not found.name.startswith("ether-")
    ]


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _run(*command: str) -> None:
    # stdout is for the table.
    subprocess.run(command, check=True, stdout=sys.stderr)
