"""What a guarded server remembers, as checks ask it, and the file of roles it is held against."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from access import Record, is_image, named
from checker.check import CheckFailed
from checker.lab.workspace import Workspace
from checker.stack.kinds.roles import RefusedRoles
from checker.stack.operated import LogEntry, Period, RegistryNotification
from rolesfile import LIMIT, given, refused

WEB = "shop/web"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def event(action: str, actor: str = "ann", **more: str) -> RegistryNotification:
    return RegistryNotification(
        seq=1, id="x", action=action, actor=actor, at="2031-01-01T00:00:00Z", **{"repository": WEB, **more}
    )


def entry(account: str, credential: str, requested: str, granted: str = "") -> LogEntry:
    return LogEntry(
        seq=1,
        at="2031-01-01T00:00:00Z",
        account=account,
        credential=credential,
        endpoint="/token",
        requested=(requested,),
        granted=(granted,) if granted else (),
        outcome="granted",
    )


@pytest.mark.parametrize(
    ("scopes", "actions"),
    [
        ((f"repository:{WEB}:pull,push",), {"pull", "push"}),
        ((f"repository:{WEB}:pull", f"repository:{WEB}:push"), {"pull", "push"}),
        (("repository:shop/website:push", "repository:old/shop/web:push"), set()),
        (("registry:catalog:*", "", f"repository:{WEB}"), set()),
    ],
)
def test_scopes_name_actions_for_just_that_repository(scopes: tuple[str, ...], actions: set[str]) -> None:
    assert named(scopes, WEB) == actions


def test_only_who_was_signed_in_counts_as_asking() -> None:
    scope = f"repository:{WEB}:pull,push"
    asked = entry("ann", "password", scope)
    log = [asked, entry("ann", "bad", scope), entry("", "anonymous", scope), entry("bob", "password", scope)]

    assert Record(log, [], []).asked("ann", WEB, "push") == [asked]
    assert Record(log, [], []).asked("ann", WEB, "delete") == []


@pytest.mark.parametrize(
    ("seen", "counts"),
    [
        (event("push", digest="sha256:1", media_type=MANIFEST), True),
        (event("push", digest="sha256:1", media_type="application/vnd.oci.image.index.v1+json"), True),
        (event("push", digest="sha256:1", media_type="application/octet-stream"), False),
        (event("delete", digest="sha256:1"), True),
        (event("delete", tag="1.0"), False),
    ],
    ids="manifest index layer deletion deleted-tag".split(),
)
def test_an_image_is_what_has_a_manifest(seen: RegistryNotification, counts: bool) -> None:
    assert is_image(seen) is counts


def test_images_are_found_by_who_did_what_where_and_under_which_tag() -> None:
    first = event("push", tag="1", digest="sha256:1", media_type=MANIFEST)
    second = event("push", actor="bob", tag="2", digest="sha256:2", media_type=MANIFEST)
    elsewhere = event("push", repository="shop/old", digest="sha256:1", media_type=MANIFEST)
    record = Record([], [first, second, elsewhere], [])

    assert record.images("push", WEB) == [first, second]
    assert record.images("push", WEB, "bob") == [second]
    assert record.images("push", WEB, tag="1") == [first]
    assert record.images("pull", WEB) == []


@pytest.mark.parametrize(
    ("first", "last", "unbroken"),
    [
        ("2031-01-01T10:00:01Z", "2031-01-01T10:00:02Z", True),
        ("2031-01-01T10:30:01Z", "2031-01-01T10:30:02Z", True),
        ("2031-01-01T10:00:01Z", "2031-01-01T10:30:01Z", False),
    ],
    ids="before after across".split(),
)
def test_a_restart_breaks_what_lies_on_both_sides_of_it(first: str, last: str, unbroken: bool) -> None:
    # The first run has no end: the server was killed.
    record = Record([], [], [Period("2031-01-01T10:00:00Z"), Period("2031-01-01T10:30:00Z")])

    assert record.unbroken(first, last) is unbroken


# ------------------------------------------------------------------------------------- the file


def outside(path: Path) -> None:
    path.symlink_to("/etc/hostname")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def nothing(_path: Path) -> None:
    return


@pytest.mark.parametrize("make", [nothing, os.mkdir, os.mkfifo, outside, loop])
def test_what_is_no_plain_file_of_the_workspace_is_missing(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "roles.conf")

    with pytest.raises(CheckFailed) as failed:
        given(Workspace(tmp_path), "roles.conf")
    assert failed.value.finding.code == "roles-file-missing"


def test_a_file_is_read_as_it_is_and_not_for_ever(tmp_path: Path) -> None:
    (tmp_path / "roles.conf").write_bytes(b"\xff\r\n" * LIMIT)

    assert given(Workspace(tmp_path), "roles.conf") == (b"\xff\r\n" * LIMIT)[:LIMIT]


@pytest.mark.parametrize(
    ("line", "shown"),
    [(2, "actions pull, push"), (3, "nothing"), (9, "nothing")],
    ids="there end beyond".split(),
)
def test_a_refusal_shows_the_line_that_is_wrong(line: int, shown: str) -> None:
    found = RefusedRoles("digest", line, 11, "one of pull, push, delete", "pull,", "message")

    with pytest.raises(CheckFailed) as failed:
        refused(found, b"role a {\n  actions pull, push\n", "access/roles.conf")
    finding = failed.value.finding
    assert f"line {line}, column 11 it expected one of pull, push, delete" in finding.expected
    assert finding.observed.endswith(f"The line says: {shown}")
