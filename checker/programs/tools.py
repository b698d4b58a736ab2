"""Programs of the machine that labs need besides `docker`: are they there, and which packages have them.

A lab's `tools` names rows of the table below. Answers can always write `docker compose`, whichever of
its forms the machine has: see `plugins`.
"""

import importlib
import os
import shlex
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from checker.base.cache import home
from checker.base.errors import BrokenLab, EnvironmentFault
from checker.base.lock import alone
from checker.base.say import Say
from checker.programs import debian, fetching, programs, trivybinary

COMPOSE = "docker-compose"
"""Of this name are the stand-alone program and the plugin behind `docker compose`."""

STRACE = "strace"
"""With it answers are watched (`checker.judge.tracing`); without it nothing is missing."""

SYSTEM_PLUGINS = tuple(
    Path(folder)
    for folder in (
        "/usr/local/lib/docker/cli-plugins",
        "/usr/local/libexec/docker/cli-plugins",
        "/usr/lib/docker/cli-plugins",
        "/usr/libexec/docker/cli-plugins",
    )
)
"""Where Docker's client looks for plugins whatever its configuration folder is."""

USER_PLUGINS = (".docker/cli-plugins",)
"""Below the user's home, where Docker Desktop puts them. A lab's own configuration folder hides these."""

MORE_PLUGINS = (Path("/opt/homebrew/lib/docker/cli-plugins"),)
"""Where they are only found if the user's configuration says so, which a lab hides as well."""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """One program.

    there: whether it can be used. package: Debian's, and Ubuntu's; empty for what no package has, which is
    fetched into the cache. needs: other tools it cannot do without. optional: whether everything works without it.
    settings: names a module; its `environment(folder)` is what answers that use the program find set, with a folder
    for its own files.
    """

    there: Callable[[], bool]
    package: str = ""
    needs: tuple[str, ...] = ()
    optional: bool = False
    settings: str = ""


def _on_path(program: str) -> Callable[[], bool]:
    return lambda: shutil.which(program) is not None


def _fetched(program: str) -> Callable[[], bool]:
    return lambda: programs.TABLE[program].find() is not None


def _compose() -> bool:
    return _plugin_of_system() is not None or _plugin_of_user() is not None or _on_path(COMPOSE)()


TABLE: dict[str, Tool] = {
    "curl": Tool(package="curl", there=_on_path("curl")),
    "jq": Tool(package="jq", there=_on_path("jq")),
    "openssl": Tool(package="openssl", there=_on_path("openssl")),
    "htpasswd": Tool(package="apache2-utils", there=_on_path("htpasswd")),
    "compose": Tool(package="docker-compose", there=_compose),
    "kubectl": Tool(package="kubernetes-client", there=_on_path("kubectl")),
    "rsync": Tool(package="rsync", there=_on_path("rsync")),
    "skopeo": Tool(package="skopeo", there=_on_path("skopeo")),
    "trivy": Tool(there=_fetched("trivy"), settings="checker.scanning.trivy"),
    "act": Tool(there=_fetched("act")),
    STRACE: Tool(package="strace", there=_on_path(STRACE), optional=True),
    "gitlab-ci-local": Tool(there=_fetched("gitlab-ci-local"), needs=("rsync",)),
}


def missing(names: Iterable[str]) -> list[str]:
    """Return those of the tools that are not there, and of those they need. A few look-ups. Raises
    BrokenLab."""
    return [name for name in with_needs(names) if not _tool(name).there()]


def with_needs(names: Iterable[str]) -> list[str]:
    """Return the tools, each with those that it cannot do without behind it. Raises BrokenLab."""
    return list(dict.fromkeys(each for name in names for each in (name, *_tool(name).needs)))


def program(name: str) -> Path:
    """Return the absolute path of a tool's executable. Raises EnvironmentFault if it is not there,
    BrokenLab."""
    _tool(name)
    row = programs.TABLE.get(name)
    found = row.find() if row else shutil.which(name)
    if not found or missing([name]):
        raise _fault(missing([name]) or [name])
    return Path(found).absolute()


def search_path(names: Iterable[str], path: str) -> str:
    """Return a PATH by which the tools are found: `path`, with the folders of those that were fetched in
    front.

    A program of the machine's that may not be used (see `checker.programs.trivybinary`) is hidden by that. Tools that
    are not there add nothing. Raises BrokenLab.
    """
    rows = [programs.TABLE[name] for name in dict.fromkeys(names) if _tool(name) and name in programs.TABLE]
    folders = [str(row.executable.parent) for row in rows if row.find() == row.executable]
    return os.pathsep.join((*folders, path))


def environment(names: Iterable[str], private: Path) -> dict[str, str]:
    """Return what answers that use the tools find set. private: where each has a folder. Raises BrokenLab."""
    made: dict[str, str] = {}
    for name in dict.fromkeys(names):
        if module := _tool(name).settings:
            made |= importlib.import_module(module).environment(private / name)
    return made


def warning(name: str) -> str:
    """Return why a program of the machine's is not the one that is used; empty where there is nothing to
    say."""
    found = trivybinary.own() if name == "trivy" else None
    return found.refused if found else ""


def ensure(names: Iterable[str], say: Say, *, may_install: bool) -> None:
    """See to it that the tools are there: what no package has is fetched into the cache, and as root on
    Debian or Ubuntu packages are installed.

    may_install: whether that may be done. say: is told before it is. Raises EnvironmentFault with the
    command for a person to run where this process may not or cannot do it, BrokenLab for a name that is
    not in the table.
    """
    names = tuple(dict.fromkeys(names))
    for name in names:
        if said := warning(name):
            say(said)
    if not missing(names):
        return
    if not may_install:
        raise _fault(missing(names))
    if packaged := [name for name in missing(names) if _tool(name).package]:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            raise _fault(packaged)
        with alone("tools", "installing programs", say):
            if lacking := [name for name in missing(names) if _tool(name).package]:
                debian.install(packages(lacking), say)  # unless another process was faster
    for name in missing(names):
        if name in programs.TABLE:
            fetching.get(programs.TABLE[name], say)
    if lacking := missing(names):
        raise _fault(lacking)


def wish(names: Iterable[str], say: Say) -> None:
    """Install tools that can be done without, where that may be done: as root on Debian or Ubuntu. Never fails."""
    lacking = [name for name in missing(names) if _tool(name).package]
    if not lacking or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    with suppress(EnvironmentFault), alone("tools", "installing programs", say):
        if lacking := missing(lacking):
            debian.install(packages(lacking), say)


def plugins(docker_config: Path) -> None:
    """Make `docker compose` work for whoever has this folder as DOCKER_CONFIG.

    What is written: nothing where the client finds the plugin by itself; a link to the user's own plugin,
    which that setting would hide; else a plugin of ours that hands over to the program `docker-compose`.
    Nothing if there is none. A plugin that somebody else put there stays. Raises OSError.
    """
    plugin = docker_config / "cli-plugins" / COMPOSE
    if os.path.lexists(plugin) and not _ours(plugin):
        return
    target = None if _plugin_of_system() else _plugin_of_user()
    program = None if _plugin_of_system() else shutil.which(COMPOSE)
    if not target and not program:
        plugin.unlink(missing_ok=True)
        return
    plugin.parent.mkdir(parents=True, exist_ok=True)
    # Made aside and moved there: another process of the same workspace may be using it now.
    made = plugin.with_name(f".{COMPOSE}.{os.getpid()}")
    made.unlink(missing_ok=True)
    try:
        if target:
            made.symlink_to(target)
        elif program:
            made.write_text(HAND_OVER.replace("@PROGRAM@", shlex.quote(program)), encoding="utf-8")
            made.chmod(0o755)
        made.replace(plugin)
    finally:
        made.unlink(missing_ok=True)


HAND_OVER = """\
#!/bin/sh
# A plugin of registry-lab for Docker's command-line client: hands over to the program docker-compose.
if [ "$1" = docker-cli-plugin-metadata ]; then
    echo '{"SchemaVersion": "0.1.0", "Vendor": "registry-lab", "ShortDescription": "Docker Compose"}'
    exit
fi
# All words of the command line come, the client's own options before the word "compose" too.
left=$#
own=yes
while [ "$left" -gt 0 ]; do
    word=$1
    shift
    left=$((left - 1))
    case "$own:$word" in
        yes:compose) own= ;;
        yes:--config=*) export DOCKER_CONFIG="${word#--config=}" ;;
        yes:--config) export DOCKER_CONFIG="$1"; shift; left=$((left - 1)) ;;
        yes:-l | yes:--log-level) shift; left=$((left - 1)) ;;
        yes:-D | yes:--debug | yes:--log-level=*) ;;
        yes:-H | yes:--host | yes:-c | yes:--context | yes:--tlscacert | yes:--tlscert | yes:--tlskey)
            set -- "$@" "$word" "$1"
            shift
            left=$((left - 1)) ;;
        *) set -- "$@" "$word" ;;
    esac
done
exec @PROGRAM@ "$@"
"""
"""Docker's documentation, "Docker CLI plugins": the metadata a plugin answers with, and how it is called."""

MARK = HAND_OVER.splitlines()[1]


def _ours(plugin: Path) -> bool:
    """Return whether `plugins` made it, as a file or as a link that leads where it would lead it."""
    if plugin.is_symlink():
        return plugin.readlink() in _users_plugins()
    try:
        with plugin.open(encoding="utf-8", errors="replace") as file:
            return MARK in (file.readline(200), file.readline(200).rstrip("\n"))
    except OSError:
        return False


def _plugin_of_system() -> Path | None:
    return _first(folder / COMPOSE for folder in SYSTEM_PLUGINS)


def _plugin_of_user() -> Path | None:
    return _first(_users_plugins())


def _users_plugins() -> list[Path]:
    return [folder / COMPOSE for folder in (*(home() / below for below in USER_PLUGINS), *MORE_PLUGINS)]


def _first(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if os.access(path, os.X_OK) and path.is_file()), None)


def _tool(name: str) -> Tool:
    try:
        return TABLE[name]
    except KeyError:
        raise BrokenLab(
            f"There is no tool named {name!r}.", f"The table has: {', '.join(sorted(TABLE))}."
        ) from None


def packages(names: Iterable[str]) -> list[str]:
    """Return the Debian packages of these tools, of those that a package has. Raises BrokenLab."""
    return list(dict.fromkeys(filter(None, (_tool(name).package for name in names))))


def _fault(names: list[str]) -> EnvironmentFault:
    shown = {"compose": "`docker compose`"}
    listed = " and ".join(shown.get(name, f"`{name}`") for name in names)
    message = f"This lab needs {listed}, not found on this machine."
    packaged = [name for name in names if _tool(name).package]
    if not packaged:
        return EnvironmentFault(message, "Run `lab doctor --fix`, which fetches what is missing.")
    if not shutil.which("apt-get"):
        return EnvironmentFault(message, "Install what is missing by your system's own way.")
    sudo = "" if os.geteuid() == 0 else "sudo "
    command = f"{sudo}{' '.join(debian.INSTALL)} {' '.join(packages(packaged))}"
    return EnvironmentFault(message, f"Run `{command}`.")
