# /// script
# requires-python = ">=3.11"
# dependencies = ["nox[uv]>=2025.5.1"]
# ///
"""Everything there is to run: `nox` checks the project, `nox -s demo` shows it.

The block above has plain `nox` fetch uv for itself and go on with it, which
makes a first run several times faster than pip and virtualenv; where there is
no uv, those two serve as well.

Rule: a session names its Python, and one that is missing is skipped, never
downloaded.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
from pathlib import Path

import nox

SUPPORTED = ["3.11", "3.12", "3.13"]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
TESTED = SUPPORTED if HERE in SUPPORTED else [*SUPPORTED, HERE]

# Installed together, so that none of them is looked for in an index; editable,
# so that an environment that is used again follows the sources.
PACKAGES = ["-e", "packages/protocol[capture]", "-e", "packages/daemon", "-e", "packages/shell"]
IMPORT_LINTER = "import-linter>=2.17,<3"
TEST_TOOLS = [
    "pytest",
    "pytest-xdist",
    "hypothesis",
    "pyte",
    "pexpect",
    "numpy",
    "trustme",
    IMPORT_LINTER,
]

# What runs on one Python only, the one that runs nox: it takes long, and what another Python may
# break in it is also tried by a test that runs on each. Everything else runs on every Python, and
# so does a new test. tests/test_every_python.py has one of each kind of what is left out.
SAME_ON_EVERY_PYTHON = [
    "tests/integration",  # load, C programs, whole servers under attack
    "tests/protocol/client/core",  # what both clients decide, and their tests run
    "tests/protocol/client/test_faults.py",  # a bad network; the clients' behaviour runs on each
    "tests/protocol/client/test_faults_over_tls.py",  # the same
    "tests/protocol/tools/conformance/test_runner.py",  # the judgement of servers with faults
    "tests/protocol/tools/conformance/test_themes.py",  # the same
    "tests/protocol/tools/decode",  # captures and text as messages, by what other tests run
    "tests/protocol/tools/wireshark",  # a dissector in Lua, run by tshark
    "tests/shell/app",  # whole conversations with a person, and scripts
    "tests/shell/command",  # the whole program, started again and again
    "tests/shell/commands",  # what commands do, over a client that other tests run
    "tests/shell/execution",  # one line after the other
    "tests/shell/operations",  # what commands rest on, over the same client
    "tests/shell/session",  # what the shell remembers, and when it connects again
    "tests/shell/terminal/test_fullscreen.py",  # screens of the whole program
    "tests/daemon/service",  # what requests mean; the protocol's rules are tried on each
    "tests/daemon/stores",  # where bytes live; the same
    "tests/bench",  # statistics
    "tests/torture",  # whole servers under attack
    "tests/test_imports.py",  # reads the sources
]

# Run where only the wheels are installed. It looks for files that no import needs.
LOOK_INSIDE = """
from importlib.metadata import files
from importlib.resources import files as resources

for name in ("ether-protocol", "ether-daemon", "ether-shell"):
    assert any(file.match("licenses/LICENSE") for file in files(name)), name
assert resources("ether_protocol").joinpath("vectors", "vocabulary.json").is_file()
"""

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False


def show_pyenv_pythons() -> None:
    """Let pyenv, where it is, run every supported Python that it has.

    Its shims hide all but the chosen one. A .python-version file would change
    that too, but would stand in the way wherever one of its lines is missing.
    """
    versions = {
        version.name
        for folder in os.environ.get("PATH", "").split(os.pathsep)
        if Path(folder).name == "shims"
        for version in Path(folder).parent.glob("versions/*")
        if re.fullmatch(r"3\.\d+\.\d+", version.name)
        and version.name.rpartition(".")[0] in SUPPORTED
    }
    if versions:
        chosen = filter(None, os.environ.get("PYENV_VERSION", "").split(":"))
        newest_first = sorted(versions, key=lambda name: -int(name.rpartition(".")[2]))
        os.environ["PYENV_VERSION"] = ":".join(dict.fromkeys([*chosen, *newest_first, "system"]))


def pass_on_pip_settings() -> None:
    """Let uv use the index and the certificates that pip is told to use.

    uv reads none of pip's settings, and a machine behind a mirror or a proxy
    on which `pip install nox` has just worked keeps its own in them.
    """
    files = configparser.RawConfigParser()
    home = Path.home()
    files.read(["/etc/pip.conf", home / ".pip/pip.conf", home / ".config/pip/pip.conf"])
    for option, variable in (("cert", "SSL_CERT_FILE"), ("index-url", "UV_DEFAULT_INDEX")):
        stored = files.get("global", option, fallback="")
        value = os.environ.get(f"PIP_{option.upper().replace('-', '_')}", stored)
        if value:
            os.environ.setdefault(variable, value)


show_pyenv_pythons()
pass_on_pip_settings()


@nox.session(python=HERE)
def lint(session: nox.Session) -> None:
    """Ruff's checks, its idea of where a line ends, and which way imports run."""
    session.install("ruff>=0.14,<1", IMPORT_LINTER)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    sources = os.pathsep.join(f"packages/{name}/src" for name in ("protocol", "daemon", "shell"))
    session.run("lint-imports", "--no-cache", "--no-logo", env={"PYTHONPATH": sources})


@nox.session(python=HERE)
def types(session: nox.Session) -> None:
    """Mypy, strictly: the three packages, their tests, and programs that use their public names.

    Then pyright's judgement of what a program sees of the protocol package: no
    type unknown, none left to inference.  basedpyright is pyright with its own
    node, so it needs nothing but the index.
    """
    session.install(*PACKAGES, "mypy", "basedpyright", "construct-typing", *TEST_TOOLS)
    packages = ("ether_protocol", "ether_daemon", "ether_shell")
    session.run("mypy", *(argument for name in packages for argument in ("-p", name)))
    session.run("mypy", "scripts/demo.py", "examples", "tests", "torture")
    session.run("basedpyright", "--verifytypes", "ether_protocol", "--ignoreexternal")


@nox.session(python=TESTED)
def tests(session: nox.Session) -> None:
    """All tests on the Python that runs nox, on the others what can differ there.

    Arguments behind `--` go to pytest in place of that choice: `-- tests` runs
    all of them.
    """
    session.install(*PACKAGES, *TEST_TOOLS)
    for path in SAME_ON_EVERY_PYTHON:
        if not Path(path).exists():
            session.error(f"SAME_ON_EVERY_PYTHON in noxfile.py names {path}, which does not exist")
    left_out = [] if session.python == HERE else SAME_ON_EVERY_PYTHON
    chosen = session.posargs or [f"--ignore={path}" for path in left_out]
    session.run("pytest", "--numprocesses", "auto", *chosen)


@nox.session(python=HERE, default=False)
def demo(session: nox.Session) -> None:
    """A daemon on a free port and a shell connected to it."""
    session.install(*PACKAGES)
    # However long it takes: the demo ends by itself, and stops its daemon then.
    session.run("python", "scripts/demo.py", interrupt_timeout=None, terminate_timeout=None)


@nox.session(python=HERE, default=False)
def bench(session: nox.Session) -> None:
    """Ether beside Redis, memcached and a minimal C server; arguments behind `--` go to it."""
    session.install(*PACKAGES, "redis", "hiredis", "pymemcache")
    figures = ["--json", "docs/performance.json", "--svg", "docs/performance.svg"]
    session.run("python", "bench/run.py", *(session.posargs or figures))


@nox.session(python=HERE, default=False)
def torture(session: nox.Session) -> None:
    """Hostile clients in full numbers, for docs/torture.md; `-- --only histories` for a part.

    What a harness alone needs is installed if it can be; without it that
    harness says so, and the others run.
    """
    session.install(*PACKAGES, *TEST_TOOLS)
    session.install("atheris", success_codes=[0, 1, 2])
    session.run("python", "torture/session.py", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session(python=HERE, default=False)
def pictures(session: nox.Session) -> None:
    """The pictures in docs/shell.md, of the real shell; names of scenes behind `--` for some."""
    session.install(*PACKAGES, *TEST_TOOLS)
    session.run("python", "scripts/pictures.py", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session(python=HERE, default=False)
def build(session: nox.Session) -> None:
    """Wheels and source archives in dist/; the wheels are installed once and looked into."""
    session.install("build", "hatchling>=1.27")
    for old in [*Path("dist").glob("ether_*.whl"), *Path("dist").glob("ether_*.tar.gz")]:
        old.unlink()
    for name in ("protocol", "daemon", "shell"):
        session.run("python", "-m", "build", "--no-isolation", "-o", "dist", f"packages/{name}")
    session.install("--force-reinstall", *sorted(map(str, Path("dist").glob("*.whl"))))
    session.run("etherd", "--version")
    session.run("ether-shell", "--version")
    session.run("python", "-c", LOOK_INSIDE)
