"""`python -m tests.engines`: play or prove labs against the engines that people have, and print a table of it.

Each engine has a Debian 13 and mount, process and network namespaces of its own, so it meets no engine of the machine.
It needs root, and package lists that name Debian. Example: `make engines ARGS="docker-26 --lab 01 --lab 04 --prove"`.
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from checker.base.errors import ExitCode, LabError
from checker.engine.provide import ensure_engine
from checker.lab.catalog import Catalog
from tests.engines import root
from tests.engines.kinds import KINDS

RESULTS = root.PROJECT / "build/engines.json"
STATE = (
    "var/lib/docker",
    "var/lib/containerd",
    "var/lib/containers",
    "home/learner/.local",
    "home/learner/.cache",
)
"""Where engines keep what they hold; emptied before each."""
STARTED_WITHIN = 90


class Cell(msgspec.Struct, frozen=True):
    """One lab on one engine. broken: the proofs that did not hold, or of a game its last lines."""

    engine: str
    lab: str
    code: int
    seconds: float
    broken: tuple[str, ...] = ()


def tried(place: Path, name: str, labs: list[str], *, prove: bool) -> list[Cell]:
    """Try labs on one engine. Raises LabError with what it said if it does not start."""
    for folder in STATE:
        shutil.rmtree(place / folder, ignore_errors=True)
    out = place / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    kind = KINDS[name]
    about = {
        "START": kind.start, "PLAYER": kind.user, "ENGINE_PATH": kind.path, "DOCKER_HOST": kind.host,
        "PLAY": "lab author test" if prove else "lab demo", "WITHIN": str(STARTED_WITHIN),
    }  # fmt: skip
    shutil.copy(Path(__file__).with_name("play.sh"), place / "srv/play.sh")
    done = root.run(place, "bash", "/srv/play.sh", *labs, network="own", **about)
    kept = RESULTS.parent / "engines" / name
    shutil.copytree(out, kept, dirs_exist_ok=True)
    _remove_groups()
    if done.returncode:
        raise LabError(f"{kind.title} did not get as far as a lab; see {kept}.")
    cells = []
    for line in (out / "codes").read_text().splitlines() if labs else ():
        lab, code, began, ended = line.split()
        cells.append(
            Cell(name, lab, int(code), float(ended) - float(began), _broken(out / f"{lab}.log", int(code)))
        )
    return cells


def _broken(log: Path, code: int) -> tuple[str, ...]:
    if not code:
        return ()
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    return tuple(line for line in lines if line.startswith("broken ")) or tuple(lines[-3:])


def _remove_groups() -> None:
    """Remove the control groups that an engine left: those below ours, from the innermost on."""
    for top in Path("/sys/fs/cgroup").glob("**/registry-lab-engines"):
        for folder, _, _ in os.walk(top, topdown=False):
            Path(folder).rmdir()


def show(cells: list[Cell], console: Console) -> None:
    labs = sorted({cell.lab for cell in cells})
    table = Table(title="what became of each lab, and how long it took")
    table.add_column("engine", no_wrap=True)
    for lab in labs:
        table.add_column(lab, no_wrap=True)
    for name in dict.fromkeys(cell.engine for cell in cells):
        row = {cell.lab: cell for cell in cells if cell.engine == name}
        table.add_row(name, *(_shown(row.get(lab)) for lab in labs))
    console.print(table)
    for cell in cells:
        for line in cell.broken:
            console.print(f"{cell.engine}, lab {cell.lab}: {line}", markup=False, highlight=False)


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return "not tried"
    said = {ExitCode.PASSED: "passed", ExitCode.FAILED: "failed"}.get(ExitCode(cell.code), "not played")
    return f"{said} {cell.seconds:.0f} s"


def main() -> int:
    """Return 0 if all held, 1 if something did not, 3 if an engine did not start."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "engines", nargs="*", metavar="ENGINE", help=f"of {', '.join(KINDS)}; all if none is named"
    )
    parser.add_argument(
        "--lab", action="append", default=[], help="a lab's number; may be given several times"
    )
    parser.add_argument(
        "--prove",
        action="store_true",
        help="prove each lab (`lab author test`) and not just play its solution",
    )
    given = parser.parse_args()
    if unknown := sorted(set(given.engines) - set(KINDS)):
        parser.error(f"no such engine: {', '.join(unknown)}; there are {', '.join(KINDS)}")
    if os.geteuid() != 0:
        parser.error("only root can give an engine a root of its own")
    console, code, cells = Console(), 0, []
    labs = given.lab or [lab.name[:2] for lab in Catalog().labs()]
    place = root.make(ensure_engine(print, may_install=True), print)
    for name in given.engines or KINDS:
        console.print(f"{KINDS[name].title}:", highlight=False)
        began = time.monotonic()
        try:
            cells += tried(place, name, labs, prove=given.prove)
        except LabError as error:
            console.print(error.message, highlight=False)
            code = 3
        console.print(f"  {time.monotonic() - began:.0f} s", highlight=False)
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(cells)))
    show(cells, console)
    return code or int(any(cell.code for cell in cells))


if __name__ == "__main__":
    sys.exit(main())
