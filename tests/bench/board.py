"""`python -m tests.bench.board`: two hundred learners and an open board.

Every learner sends its standing five times, as fast as the board takes it. Says how many messages a second were taken,
how long the slowest twentieth waited, how much of one core the server used, and that the page heard of everybody.
"""

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from checker.lab.catalog import Catalog

LEARNERS = 200
ROUNDS = 5
SENDERS = 8
SERVE = """
import json, resource, sys
from pathlib import Path
from checker.lab.catalog import Catalog
from tests.boards import people, serving
with serving(Path(sys.argv[1]), Catalog().labs(), people(int(sys.argv[2]))) as served:
    print(json.dumps({"port": served.port, "codes": served.codes, "secret": served.store.secret}), flush=True)
    before = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdin.readline()
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss / 1024, flush=True)
"""


def main() -> None:
    lab = Catalog().labs()[0]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", SERVE, str(Path(folder) / "board.db"), str(LEARNERS)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin
        assert process.stdout
        about = json.loads(process.stdout.readline())
        heard: set[str] = set()
        listening = threading.Event()

        def listen() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", about["port"], timeout=30)
            connection.request("GET", "/events", headers={"Cookie": f"registry-lab-board={about['secret']}"})
            for line in connection.getresponse():
                if line.startswith(b"data: "):
                    rows = json.loads(line[6:])["rows"]
                    heard.update(row["identifier"] for row in rows if row["steps"])
                    listening.set()

        threading.Thread(target=listen, daemon=True).start()
        listening.wait(10)

        def send(job: tuple[int, str]) -> float:
            number, who = job
            states = [
                {
                    "step": step.name,
                    "standing": "passed" if place < number else "tried",
                    "finding": "not-pushed",
                }
                for place, step in enumerate(lab.steps)
            ]
            body = json.dumps({"lab": lab.name, "steps": states}).encode()
            began = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", about["port"], timeout=30)
            connection.request(
                "POST", "/v1/progress", body, {"Authorization": f"Bearer {about['codes'][who]}"}
            )
            assert connection.getresponse().status == http.client.NO_CONTENT
            connection.close()
            return time.perf_counter() - began

        jobs = [(number, who) for number in range(ROUNDS) for who in about["codes"]]
        began = time.perf_counter()
        with ThreadPoolExecutor(SENDERS) as pool:
            waits = sorted(pool.map(send, jobs))
        took = time.perf_counter() - began
        time.sleep(1)  # the page is told within a quarter of a second
        process.stdin.write("\n")
        process.stdin.flush()
        cpu, memory = map(float, process.stdout.readline().split())
        process.wait()
    slow = waits[int(len(waits) * 0.95)]
    print(
        f"{len(jobs)} messages of {LEARNERS} learners in {took:.1f} s, {len(jobs) / took:.0f} a second; median "
        f"{statistics.median(waits) * 1000:.1f} ms, slowest twentieth from {slow * 1000:.1f} ms; "
        f"{cpu / len(jobs) * 1000:.2f} ms of a core each, {memory:.0f} MB; the page heard of {len(heard)}"
    )


if __name__ == "__main__":
    main()
