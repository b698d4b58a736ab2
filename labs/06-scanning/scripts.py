"""Scripts of the learner's that have to work with whatever they are given, run again with something new.

Each run is in a copy of the workspace and a sandbox of its own, with the environment of answers, so that neither
the learner's files nor the results of other runs change.
"""

import secrets
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec

import exceptions
from checker.judge import answers
from checker.judge.world import Environment
from checker.lab.workspace import PRIVATE, Workspace
from checker.sandbox import box as sandbox
from checker.sandbox.box import BoxRun
from crontab import Line

SECONDS = 60.0
"""For one run."""
AT_ONCE = 2
NO_ENGINE = "unix:///nonexistent/docker.sock"
NO_DATABASE = {"TRIVY_SKIP_DB_UPDATE": "true", "TRIVY_DB_REPOSITORY": "127.0.0.1:1/nobody/is-here:2"}
"""So that none is fetched either where there is internet."""


class Scripts:
    """known: what the checker's own scanner found out about layers, which need not be found out again."""

    def __init__(self, workspace: Workspace, environment: Environment, known: Path) -> None:
        self._workspace = workspace
        self._environment = environment
        self._known = known

    def side_by_side(self, runs: Mapping[str, Callable[[], int | None]]) -> dict[str, int | None]:
        """Name -> exit code of each run; None where it did not end in time."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            begun = {name: pool.submit(run) for name, run in runs.items()}
            return {name: future.result() for name, future in begun.items()}

    def gate(self, image: str, accepted: str, *, database: bool = True, reach: str = "") -> int | None:
        """Return the exit code of `bash gate.sh IMAGE` with this file of exceptions; None if it did not end.

        database: whether the scanner has one. reach: the address of a registry that it can reach.
        """
        with self._copy() as (place, environment):
            _write(place / exceptions.FILE, accepted)
            if not database:
                empty = place.parent / "no-database"
                empty.mkdir()
                environment |= {"TRIVY_CACHE_DIR": str(empty), **NO_DATABASE}
            ran = sandbox.run(
                ["bash", "gate.sh", image],
                place=place,
                environment=environment,
                seconds=SECONDS,
                reach=(*_engine(environment), *((reach,) if reach else ())),
            )
        return ran.exit_code

    def sweep(self, registry: str, wanted: Sequence[str], *, engine: bool = False) -> dict[str, str | None]:
        """Return what `bash sweep.sh` with this registry writes: path -> text of those wanted, None if none.

        engine: whether it can ask one.
        """
        with self._copy() as (place, environment):
            for path in wanted:
                (place / path).unlink(missing_ok=True)
            environment["REGISTRY"] = registry
            if not engine:
                environment["DOCKER_HOST"] = NO_ENGINE
            sandbox.run(
                ["bash", "sweep.sh"],
                place=place,
                environment=environment,
                seconds=2 * SECONDS,
                reach=(*(_engine(environment) if engine else ()), registry),
            )
            copy = Workspace(place)
            return {path: copy.read(path) for path in wanted}

    def job(self, line: Line) -> BoxRun | None:
        """Return what came of a line of a crontab that did not start sweep.sh; None if it did.

        In place of sweep.sh there is a script that leaves a mark, and in place of sleep, with which many lines
        begin, one that does not wait. No engine is there.
        """
        with self._copy() as (place, environment):
            programs = place / PRIVATE / "programs"
            programs.mkdir(parents=True)
            mark = place / PRIVATE / f"swept-{secrets.token_hex(8)}"
            _write_script(programs / "sleep", "#!/bin/sh\n", executable=True)
            if (place / "sweep.sh").is_file():
                _write_script(place / "sweep.sh", f"#!/bin/sh\n: > {shlex.quote(str(mark))}\n")
            moved = {name: self._moved(value, place) for name, value in line.settings.items()}
            environment |= {
                "DOCKER_HOST": NO_ENGINE,
                "PATH": f"{programs}:{environment['PATH']}",
                **moved,
            }
            ran = sandbox.run(
                [
                    *("/bin/sh", "-c", 'cd "$HOME" && printf %s "$3" | "$1" -c "$2"', "cron"),
                    *(moved.get("SHELL", "/bin/sh"), self._moved(line.command, place), line.input),
                ],
                place=place,
                environment=environment,
                seconds=SECONDS,
            )
            said = ran.output.replace(str(place), str(self._workspace.path))
            return None if mark.exists() else msgspec.structs.replace(ran, output=said)

    def _moved(self, text: str, place: Path) -> str:
        return text.replace(str(self._workspace.path), str(place))

    def _move(self, place: Path) -> None:
        """Let scripts that have the workspace's path in them mean the copy."""
        for path in place.glob("*.sh"):
            text = Workspace(place).read(path.name)
            if text is not None and str(self._workspace.path) in text:
                path.write_text(self._moved(text, place), encoding="utf-8")

    @contextmanager
    def _copy(self) -> Iterator[tuple[Path, dict[str, str]]]:
        with sandbox.copied(self._workspace) as place:
            answers.make_room(Workspace(place))
            self._move(place)
            environment = dict(self._environment(Workspace(place)))
            if self._known.is_dir():
                shutil.copytree(self._known, Path(environment["TRIVY_CACHE_DIR"]) / self._known.name)
            yield place, environment


def _engine(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the engine's address, where it is one of this machine's ports and no socket."""
    kind, _, address = environment.get("DOCKER_HOST", "").partition("://")
    return (address,) if kind == "tcp" and address.startswith("127.0.0.1:") else ()


def _write_script(path: Path, text: str, *, executable: bool = False) -> None:
    """Write a script; one that is there keeps its mode, so that what could not be executed still cannot."""
    path.write_text(text, encoding="utf-8")
    if executable:
        path.chmod(0o755)


def _write(path: Path, text: str) -> None:
    if path.is_symlink() or path.is_dir():
        path.unlink() if path.is_symlink() else path.rmdir()
    path.write_text(text, encoding="utf-8")
