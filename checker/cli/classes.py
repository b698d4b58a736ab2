"""`lab class serve`, `join` and `leave`, and `lab help-me`."""

import csv
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from checker.base.errors import EnvironmentFault, ExitCode, UsageError
from checker.base.results import Person
from checker.base.say import Say
from checker.grading.intake import roster

PORT = 8890
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    people: Path,
    bind: str,
    port: int | None,
    db: Path,
    codes: Path | None,
    tls: tuple[Path, Path] | None,
    *,
    anew: bool,
    say: Say,
) -> int:
    """Serve the live board until it is interrupted. Raises UsageError, EnvironmentFault."""
    from checker.classboard.server import BoardServer, app
    from checker.classboard.store import BoardStore
    from checker.lab.catalog import Catalog

    class_ = roster.read(people).people
    labs = Catalog().labs()
    with _held(db):
        store = BoardStore(db)
        try:
            made = store.enrol(class_, anew=anew)
            listening = _listen(bind, port)
            number = listening.getsockname()[1]
            scheme = "https" if tls else "http"
            shown = f"[{bind}]" if ":" in bind else bind
            address = (
                f"{scheme}://{shown if bind not in ('0.0.0.0', '::') else socket.gethostname()}:{number}"  # noqa: S104
            )
            if made:
                target = codes or db.with_name(f"{db.stem}-codes.csv")
                _write_codes(target, made, address)
                say(f"Join codes of {len(made)} people are in {target}; only their owners should see them.")
            if bind not in LOOPBACK and not tls:
                say(
                    "Codes and progress travel unencrypted from other machines. Put a server with TLS in front, or "
                    "give --tls-cert and --tls-key."
                )
            made_app = app(store, labs, ["127.0.0.1", "localhost"] if bind in LOOPBACK else ["*"])
            cert, key = tls or (None, None)

            def ready() -> None:
                say(f"The board, for you alone:\n\n    {address}/?key={store.secret}\n")
                say(f"Learners: `lab class join {address} CODE`, each with a code of their own.")
                say("Ctrl-C ends the board.")

            with suppress(KeyboardInterrupt):  # which uvicorn raises again once it has ended
                BoardServer(made_app, cert=cert, key=key, ready=ready).run(sockets=[listening])
        except OSError as error:
            raise EnvironmentFault(
                f"The board cannot be served: {error}.", "See what it names, and try again."
            ) from error
        finally:
            store.close()
    say(f"The board has ended; {db} keeps what it knew.")
    return ExitCode.PASSED


@contextmanager
def _held(db: Path) -> Iterator[None]:
    """Keep a second board off the same file."""
    import filelock

    lock = filelock.FileLock(db.with_name(db.name + ".lock"))
    try:
        db.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise EnvironmentFault(
            f"Another board uses {db} already.", "End that one, or name another file with --db."
        ) from None
    except OSError as error:
        raise EnvironmentFault(
            f"{db} cannot be used: {error.strerror}.", "Name another file with --db."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _listen(bind: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    for number in [port] if port is not None else range(PORT, PORT + 100):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((bind, number))
        except OSError as error:
            listening.close()
            if port is not None:
                raise EnvironmentFault(
                    f"Port {port} on {bind} cannot be used: {error.strerror}.",
                    "Choose another one with --port, or leave it out.",
                ) from error
        else:
            listening.listen(256)
            return listening
    raise EnvironmentFault(f"No port from {PORT} on is free on {bind}.", "Choose one with --port.")


def _write_codes(path: Path, made: list[tuple[Person, str]], address: str) -> None:
    try:
        new = not path.exists()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", newline="") as file:
            rows = csv.writer(file)
            if new:
                rows.writerow(("identifier", "name", "code", "command"))
            for person, code in made:
                rows.writerow((person.identifier, person.name, code, f"lab class join {address} {code}"))
    except OSError as error:
        raise UsageError(
            f"The join codes cannot be written to {path}: {error.strerror}.",
            "Name another file with --codes.",
        ) from error
