"""How soon a push is judged while a practice is watched: from the registry's 201 to the verdict.

`python -m tests.bench.watching` prints the median of twenty; the table of `make bench` has it as a ratio to the same
check made by hand in a warm process.
"""

import queue
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from checker.engine.connection import connect
from checker.judge import overlays
from checker.lab.catalog import Catalog
from checker.practice.session import Session
from checker.practice.watcher import Heard, Watcher

LAB = "01"
STEP = "promote"
TAG = "staging"
"""One of the tags that the step is about; it is put on another version and back again."""
LIMIT = 20.0


class Pushed:
    """A watched practice whose solution is in place."""

    def __init__(self, session: Session, watcher: Watcher, heard: "queue.Queue[Heard]") -> None:
        self._session = session
        self._watcher = watcher
        self._heard = heard
        values = session.values()
        self._manifests = f"http://{values['REGISTRY']}/v2/{values['REPOSITORY'].partition('/')[2]}/manifests"
        self._http = requests.Session()
        self._right = self._manifest(values["VERSION"])
        self._wrong = self._manifest(values["NEXT_VERSION"])

    def _manifest(self, tag: str) -> tuple[bytes, str]:
        accept = (
            "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
        )
        found = self._http.get(f"{self._manifests}/{tag}", headers={"Accept": accept}, timeout=LIMIT)
        found.raise_for_status()
        return found.content, found.headers["Content-Type"]

    def _push(self, manifest: tuple[bytes, str]) -> None:
        content, kind = manifest
        done = self._http.put(
            f"{self._manifests}/{TAG}", data=content, headers={"Content-Type": kind}, timeout=LIMIT
        )
        assert done.status_code == requests.codes.created, done.text

    def _wait(self, passed: bool) -> float:
        """Wait until the step's record says so; returns the moment of the line that told."""
        while True:
            heard = self._heard.get(timeout=LIMIT)
            if heard.event == "checked" and STEP in heard.steps:
                now = time.perf_counter()
                if (str(self._session.progress().step(STEP).standing) == "passed") is passed:
                    return now

    def verdict(self) -> float:
        """Seconds from the registry's 201 for the right push to the verdict in the record and on the line."""
        self._push(self._wrong)
        self._wait(passed=False)
        self._quiet()
        self._push(self._right)
        began = time.perf_counter()
        took = self._wait(passed=True) - began
        self._quiet()
        return took

    def by_hand(self) -> float:
        """Seconds that the same check takes in this process, which has done it before."""
        began = time.perf_counter()
        self._session.check(STEP)
        took = time.perf_counter() - began
        self._quiet()
        return took

    def _quiet(self) -> None:
        """Wait until the watcher has nothing more to say."""
        while True:
            try:
                self._heard.get(timeout=0.6)
            except queue.Empty:
                return


@contextmanager
def pushed() -> Iterator[Pushed]:
    lab = Catalog().lab(LAB)
    with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder:
        session = Session.open(LAB, workspace=Path(folder).resolve() / lab.name)
        session.start(lambda _text: None)
        try:
            overlays.laid_out(lab)(Path(folder) / "solution")
            for step in lab.steps:
                path = Path(folder) / "solution" / step.answer_path
                session.write_answer(step.name, path.read_text(encoding="utf-8"))
                session.run(step.name, lambda _text: None)
            heard: queue.Queue[Heard] = queue.Queue()
            watcher = Watcher(session.lab, session.workspace, heard.put)
            try:
                while heard.get(timeout=LIMIT).event != "ready":
                    pass
                yield Pushed(session, watcher, heard)
            finally:
                watcher.close()
        finally:
            session.stop(lambda _text: None)


if __name__ == "__main__":
    connect().close()
    with pushed() as practice:
        practice.verdict()
        took = sorted(practice.verdict() for _ in range(20))
        hand = sorted(practice.by_hand() for _ in range(5))
    print(
        f"push to verdict: median of 20 {statistics.median(took):.3f} s, {took[0]:.3f} to {took[-1]:.3f} s; "
        f"the check by hand {statistics.median(hand):.3f} s"
    )
