"""What was handed in, of whom and when: folders, archives, repositories, rosters and due times."""

import os
import struct
import subprocess
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from checker.base.errors import UsageError
from checker.base.model import Lab
from checker.base.results import LabReport, Person, Report, Versions
from checker.grading.intake import roster, times
from checker.grading.intake.classwork import Classwork, collect
from checker.grading.intake.places import places
from checker.judge import submission
from checker.lab.catalog import Catalog
from tests.helpers import TinyLab

DUE = datetime(2026, 1, 31, 12, tzinfo=UTC)
BEFORE, AFTER = DUE.timestamp() - 3600, DUE.timestamp() + 3600
NAME = TinyLab.name


@pytest.fixture
def lab(tiny: TinyLab) -> Lab:
    return Catalog(tiny.root).lab("90")


@pytest.fixture
def other(tiny: TinyLab, lab: Lab) -> Lab:
    steps = (msgspec.structs.replace(lab.steps[0], name="cache"), lab.steps[1])
    return msgspec.structs.replace(lab, name="91-other", steps=steps)


@pytest.fixture
def handed(tmp_path: Path) -> Path:
    folder = tmp_path / "submissions"
    folder.mkdir()
    return folder


def answer(folder: Path, at: float = BEFORE) -> Path:
    (folder / "steps").mkdir(parents=True)
    (folder / "steps/push.sh").write_text("echo mine\n")
    os.utime(folder / "steps/push.sh", (at, at))
    return folder


def pack(path: Path, *names: str, at: datetime = DUE, zone: bool = True) -> Path:
    """A zip with the time in UTC too, as Info-ZIP and `lab submit` write it, or as a clock shows it and no more."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as made:
        for name in names:
            info = zipfile.ZipInfo(name, at.astimezone().timetuple()[:6])
            info.extra = struct.pack("<HHBi", 0x5455, 5, 1, int(at.timestamp())) if zone else b""
            made.writestr(info, "echo mine\n")
    return path


def repository(folder: Path, at: float = BEFORE) -> Path:
    """A folder as a repository with everything committed at a time."""
    stamp = f"{int(at)} +0000"
    env = os.environ | {
        "GIT_COMMITTER_DATE": stamp,
        "GIT_AUTHOR_DATE": stamp,
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True)
    return folder


def csv(tmp_path: Path, text: str | bytes) -> roster.Roster:
    path = tmp_path / "class.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return roster.read(path)


def shown(work: Classwork, base: Path) -> dict[str, str]:
    """Path -> whose."""
    return {
        str(one.path.relative_to(base)): one.person.identifier if one.person else ""
        for one in work.submissions
    }


# Where workspaces lie


def test_a_workspace_is_found_by_its_name_and_inside_a_folder(lab: Lab, handed: Path) -> None:
    source = answer(handed / "ada" / NAME)

    for named in (source, source.parent, handed):
        assert [(place.lab, place.path) for place in places(named, [lab])] == [(lab, source)]


def test_a_workspace_named_by_a_dot_is_found(lab: Lab, handed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(answer(handed / "ada" / NAME))

    assert [(place.path, place.trail) for place in places(Path(), [lab])] == [(Path(), ("ada",))]


def test_a_repository_may_be_the_workspace_itself_or_hold_those_of_several_labs(
    lab: Lab, other: Lab, handed: Path
) -> None:
    answer(handed / "hw-ada")
    answer(handed / "hw-bo" / NAME)
    answer(handed / "hw-cy" / "workspace" / NAME)
    answer(handed / "hw-cy" / "workspace" / other.name)

    found = [
        (str(place.path.relative_to(handed)), place.lab and place.lab.name)
        for place in places(handed, [lab, other])
    ]

    assert found == [
        ("hw-ada", NAME),
        (f"hw-bo/{NAME}", NAME),
        (f"hw-cy/workspace/{NAME}", NAME),
        (f"hw-cy/workspace/{other.name}", other.name),
    ]


def test_a_folder_whose_answers_fit_two_labs_is_of_none_unless_told(lab: Lab, handed: Path) -> None:
    twin = msgspec.structs.replace(lab, name="92-twin")
    answer(handed / "ada")

    assert places(handed, [lab, twin]) == []
    assert [place.lab for place in places(handed, [lab, twin], lab)] == [lab]


def test_with_the_lab_told_a_folder_of_any_name_is_a_workspace(lab: Lab, handed: Path) -> None:
    (handed / "note.md").touch()

    assert [(place.path, place.lab) for place in places(handed, [lab], lab)] == [(handed, lab)]


@pytest.mark.parametrize(
    ("names", "inside"),
    [
        (["steps/push.sh"], ""),
        ([f"{NAME}/steps/push.sh"], f"/{NAME}"),
        ([f"work/{NAME}/steps/push.sh"], f"/work/{NAME}"),
        (["work/of/mine/steps/push.sh"], "/work/of/mine"),
    ],
)
def test_an_archive_is_looked_into(
    lab: Lab, handed: Path, tmp_path: Path, names: list[str], inside: str
) -> None:
    pack(handed / "ada.zip", *names)

    (found,) = collect([handed], [lab]).submissions

    assert str(found.path) == f"{handed}/ada.zip{inside}"
    assert found.person == Person(identifier="ada")
    assert submission.take_in(lab, found.path, tmp_path / "taken").refused is None
    assert (tmp_path / "taken/steps/push.sh").read_text() == "echo mine\n"
    assert [path.name for path in tmp_path.iterdir() if "unpacked" in path.name] == []


def test_an_archive_in_a_folder_of_a_person_is_found(lab: Lab, handed: Path) -> None:
    pack(handed / "Ada Lovelace_123_assignsubmission_file_" / "final.zip", "steps/push.sh")

    (found,) = collect([handed], [lab]).submissions

    assert found.person == Person(identifier="123", name="Ada Lovelace")


def test_a_broken_archive_fails_by_a_finding_and_the_others_go_on(
    lab: Lab, handed: Path, tmp_path: Path
) -> None:
    (handed / "ada.zip").write_text("no archive")
    pack(handed / "bo.zip", "steps/push.sh")

    work = collect([handed], [lab])

    assert shown(work, handed) == {"ada.zip": "ada", "bo.zip": "bo"}
    refused = submission.take_in(lab, handed / "ada.zip", tmp_path / "taken").refused
    assert refused is not None
    assert refused.code == "archive-unreadable"
    assert "lab submit" in refused.action


def test_a_broken_archive_that_may_be_of_any_lab_is_an_error_of_its_own(
    lab: Lab, other: Lab, handed: Path
) -> None:
    (handed / "ada.zip").write_text("no archive")
    answer(handed / "bo" / NAME)
    answer(handed / "cy" / other.name)

    work = collect([handed], [lab, other])

    assert [str(one.path.relative_to(handed)) for one in work.submissions] == [
        f"bo/{NAME}",
        f"cy/{other.name}",
    ]
    (lost,) = work.lost
    assert (lost.path, lost.lab) == (str(handed / "ada.zip"), "unknown")
    assert "neither a zip nor a tar" in lost.error
    assert lost.person == Person(identifier="ada")
    report = work.stamped(Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=()))
    assert report.results == (lost,)


def test_a_link_to_somebody_elses_work_is_not_followed(lab: Lab, handed: Path) -> None:
    answer(handed / "ada" / NAME)
    (handed / "eve").mkdir()
    (handed / "eve" / NAME).symlink_to(f"../ada/{NAME}")
    (handed / "mal").mkdir()
    (handed / "mal" / "workspace").symlink_to("../ada")

    assert shown(collect([handed], [lab]), handed) == {f"ada/{NAME}": "ada"}


def test_a_path_that_leads_out_of_its_archive_is_refused(lab: Lab, handed: Path, tmp_path: Path) -> None:
    path = pack(handed / "ada.zip", "steps/push.sh")

    refused = submission.take_in(lab, path / "../../..", tmp_path / "taken").refused

    assert refused is None or refused.code == "archive-unreadable"


# Rosters


ADA = Person(identifier="4711", name="Ada King Lovelace", email="ada@x.example", login="ada-l", listed=True)


@pytest.mark.parametrize(
    "text",
    [
        "identifier,name,email,github login\n4711,Ada King Lovelace,ada@x.example,ada-l\n",
        "\ufeffidentifier;name;email;login\r\n4711;Ada King Lovelace;ada@x.example;ada-l\r\n",
        'sep=;\r\n"ID number";"First name";"Last name";"Email address";"GitHub"\r\n'
        '"4711";"Ada King";"Lovelace";"ada@x.example";"@ada-l"\r\n',
        "Matrikelnummer\tVorname\tNachname\tE-Mail-Adresse\tGitHub-Username\n"
        "4711\tAda King\tLovelace\tada@x.example\tada-l\n",
        '"identifier","github_username","github_id","name","email"\n'
        '"4711","ada-l","99","Ada King Lovelace","ada@x.example"\n',
        "\n\nName,SID,Email,Username,Sections\n\nAda King Lovelace,4711,ada@x.example,ada-l,A\n,,,,\n",
    ],
    ids=["plain", "semicolons and a mark", "excel", "german tabs", "classroom", "gradescope"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_rosters_are_read_as_platforms_write_them(tmp_path: Path, text: str, encoding: str) -> None:
    assert csv(tmp_path, text.encode(encoding)).people == (ADA,)


def test_a_gradebook_of_canvas_is_read_without_its_extra_rows(tmp_path: Path) -> None:
    text = (
        "Student,ID,SIS User ID,SIS Login ID,Section,Lab 1 (99)\n"
        "    Points Possible,,,,,100\n"
        '"Lovelace, Ada",1815,4711,ada-l,A,\n'
        '"Student, Test",9,,x,A,\n'
    )
    found = csv(tmp_path, text)

    assert [(person.identifier, person.login) for person in found.people] == [("1815", "ada-l")]
    assert found.match(["lovelaceada_1815_555_lab.zip"]) == found.people[0]
    assert found.match(["lovelaceada_LATE_1815_555_lab.zip"]) == found.people[0]


def test_a_roster_in_an_old_alphabet_is_read(tmp_path: Path) -> None:
    assert csv(tmp_path, "name\nZo\xeb\n".encode("cp1252")).people[0].name == "Zo\xeb"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "its first line is: nothing"),
        ("colour,shape\nred,round\n", "its first line is: colour, shape"),
        ("identifier\n", "has nobody in it"),
        ("identifier\n1\n2\n1\n", "has 1 twice, the second time in row 4"),
        (b"PK\x03\x04\0\0\0", "is no text"),
    ],
)
def test_what_is_no_roster_is_told_with_what_to_do(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(UsageError, match=told) as raised:
        csv(tmp_path, text)
    assert raised.value.action


def test_a_roster_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        roster.read(tmp_path / "class.csv")


@pytest.mark.parametrize(
    "name",
    [
        "4711",
        "ada-l",
        "Ada-L",
        "ada",
        "ada@x.example",
        "Ada King Lovelace",
        "ada_king_lovelace",
        "Lovelace, Ada King",
        "lovelaceadaking_1815_555_lab.zip",
        "Ada King Lovelace_1815_assignsubmission_file_",
        "names-and-tags-ada-l",
        "90-tiny-ada-l.zip",
        "ada-l.tar.gz",
        "4711_90-tiny",
    ],
)
def test_people_are_known_by_what_their_folder_is_called(tmp_path: Path, name: str) -> None:
    people = csv(
        tmp_path,
        "identifier,name,email,login\n4711,Ada King Lovelace,ada@x.example,ada-l\n1,L,l@x.example,l\n",
    )

    assert people.match([name]) == people.people[0]


@pytest.mark.parametrize("name", ["nobody", "xada-ly", "471", "", "-", "submission"])
def test_nobody_is_guessed_from_a_part_of_a_word(tmp_path: Path, name: str) -> None:
    people = csv(tmp_path, "identifier,name,login\n4711,Ada,ada-l\n")

    assert people.match([name]) is None


def test_a_name_that_two_people_have_is_nobodys(tmp_path: Path) -> None:
    people = csv(tmp_path, "identifier,name\n1,Ada\n2,Ada\n")

    assert people.match(["ada"]) is None
    assert people.match(["ada", "2"]) == people.people[1]


def test_repositories_of_one_assignment_are_told_by_their_endings(lab: Lab, handed: Path) -> None:
    for name in ("tags-ada-l", "tags-abe"):
        repository(answer(handed / name))

    work = collect([handed], [lab])

    assert shown(work, handed) == {"tags-abe": "abe", "tags-ada-l": "ada-l"}


def test_missing_people_and_unknown_submissions_are_listed(
    lab: Lab, other: Lab, handed: Path, tmp_path: Path
) -> None:
    answer(handed / "ada" / NAME)
    answer(handed / "ada" / other.name)
    answer(handed / "bo" / NAME)
    answer(handed / "stranger" / NAME)
    people = csv(tmp_path, "identifier,name\nada,A\nbo,B\ncy,C\n")

    work = collect([handed], [lab, other], roster=people)

    assert [(entry.person.identifier, entry.labs) for entry in work.missing] == [
        ("bo", (other.name,)),
        ("cy", (NAME, other.name)),
    ]
    assert work.unmatched == (str(handed / "stranger" / NAME),)


def test_who_hands_in_twice_is_told_on_at_the_second(lab: Lab, handed: Path, tmp_path: Path) -> None:
    pack(handed / "ada-1.zip", "steps/push.sh")
    pack(handed / "ada-2.zip", "steps/push.sh")

    first, second = collect([handed], [lab], roster=csv(tmp_path, "identifier\nada\n")).submissions

    assert first.warnings == ()
    assert second.warnings == (f"ada has handed in this lab twice; the other is {first.path}.",)


def test_a_workspace_that_was_committed_as_a_mere_reference_is_told(
    lab: Lab, handed: Path, tmp_path: Path
) -> None:
    origin = tmp_path / "origin"
    repository(answer(origin / "workspace" / NAME))
    repository(origin)
    subprocess.run(["git", "clone", "-q", origin, handed / "hw-ada"], check=True)

    (found,) = collect([handed], [lab]).submissions

    assert not list(found.path.iterdir())
    assert found.warnings[0].startswith("The folder is empty, as a clone leaves it")


# Times


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-01-31T23:59:00+01:00", "2026-01-31T22:59:00Z"),
        ("2026-01-31T23:59Z", "2026-01-31T23:59:00Z"),
        ("20260131T235900Z", "2026-01-31T23:59:00Z"),
    ],
)
def test_due_times_are_read(text: str, written: str) -> None:
    assert times.written(times.parse(text)) == written


def test_a_date_alone_lasts_until_its_end() -> None:
    assert times.parse("2026-01-31").astimezone().strftime("%d %H:%M:%S") == "31 23:59:59"


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "31.1.2026",
        "",
        "2026-02-30",
        "2026-01-31T23.59",
        "2026-01-31T23,59",
        "2026-01-31 23:59.5",
        "2026-01-31x23:59",
        "2026-01-31T23:59+25:00",
        "2026-01-31T23:59 CET",
        "2026-W05",
        "0001-01-01T00:00+14:00",
    ],
)
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="no time in the form of ISO 8601") as raised:
        times.parse(text)
    assert raised.value.exit_code == 2
    assert "2026-01-31T23:59:00+01:00" in raised.value.action


def judged(work: Classwork) -> list[tuple[str, str, bool | None]]:
    return [(times.written(one.handed.at), one.handed.by, one.late) for one in work.submissions]


def test_an_archive_is_late_by_the_newest_time_in_it(lab: Lab, handed: Path) -> None:
    pack(handed / "ada.zip", "steps/push.sh", at=datetime.fromtimestamp(BEFORE, UTC))
    pack(handed / "bo.zip", "steps/push.sh", at=datetime.fromtimestamp(AFTER, UTC))

    assert judged(collect([handed], [lab], due=DUE)) == [
        ("2026-01-31T11:00:00Z", "archive", False),
        ("2026-01-31T13:00:00Z", "archive", True),
    ]


@pytest.mark.parametrize(("hours", "late"), [(-15, False), (-11, None), (0, None), (13, None), (15, True)])
def test_a_zip_without_a_zone_is_late_only_if_it_is_in_every_zone(
    lab: Lab, handed: Path, hours: int, late: bool | None
) -> None:
    pack(handed / "ada.zip", "steps/push.sh", at=DUE + timedelta(hours=hours), zone=False)

    (found,) = collect([handed], [lab], due=DUE).submissions

    assert (found.handed.by, found.late) == ("archive", late)
    assert bool(found.warnings) == (late is not False)
    assert all("without a zone" in warning for warning in found.warnings)


def test_each_in_a_download_of_a_class_has_a_time_of_its_own(lab: Lab, handed: Path, tmp_path: Path) -> None:
    inner = pack(tmp_path / "work.zip", "steps/push.sh", at=datetime.fromtimestamp(BEFORE, UTC))
    with zipfile.ZipFile(handed / "bulk.zip", "w") as made:
        for name, at in (("ada/steps/push.sh", BEFORE), ("bo/steps/push.sh", AFTER)):
            info = zipfile.ZipInfo(name)
            info.extra = struct.pack("<HHBi", 0x5455, 5, 1, int(at))
            made.writestr(info, "echo mine\n")
        made.write(inner, "cy/work.zip")

    work = collect([handed / "bulk.zip"], [lab], due=DUE)

    assert [(one.person and one.person.identifier, one.late) for one in work.submissions] == [
        ("ada", False),
        ("bo", True),
        ("cy", False),
    ]


@pytest.mark.parametrize("pack_refs", [False, True])
def test_a_repository_is_late_by_its_last_commit_of_the_workspace(
    lab: Lab, handed: Path, pack_refs: bool
) -> None:
    repo = handed / "hw-ada"
    answer(repo / NAME)
    repository(repo, AFTER)
    (repo / "README.md").write_text("later, but no answer\n")
    repository(repo, AFTER + 999)
    if pack_refs:
        subprocess.run(["git", "-C", str(repo), "gc", "-q"], check=True)
        assert not (repo / ".git/refs/heads/main").exists()

    assert judged(collect([handed], [lab], due=DUE)) == [("2026-01-31T13:00:00Z", "commit", True)]


def test_a_shallow_clone_has_a_time_too(lab: Lab, handed: Path, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    answer(origin / NAME)
    repository(origin, BEFORE)
    (origin / NAME / "more").touch()
    repository(origin, AFTER)
    clone = ["git", "clone", "-q", "--depth=1", f"file://{origin}", str(handed / "hw-ada")]
    subprocess.run(clone, check=True)

    assert judged(collect([handed], [lab], due=DUE)) == [("2026-01-31T13:00:00Z", "commit", True)]


def test_a_strangers_repository_starts_no_program(lab: Lab, handed: Path, tmp_path: Path) -> None:
    repo = repository(answer(handed / "ada"), BEFORE)
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    with (repo / ".git/config").open("a") as config:
        config.write(f"[core]\n fsmonitor = {trap}\n pager = {trap}\n sshCommand = {trap}\n")
        config.write(f"[log]\n showSignature = true\n[gpg]\n program = {trap}\n")
        config.write(f"[diff]\n external = {trap}\n[alias]\n log = !{trap}\n")
    hook = repo / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(trap.read_text())
    hook.chmod(0o755)

    assert judged(collect([handed], [lab])) == [("2026-01-31T11:00:00Z", "commit", None)]
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("break_it", ["fifo", "link", "outside", "nonsense", "empty"])
def test_a_broken_repository_only_has_no_time(lab: Lab, handed: Path, break_it: str) -> None:
    repo = repository(answer(handed / "ada"), BEFORE)
    head = repo / ".git/HEAD"
    head.unlink()
    match break_it:
        case "fifo":
            os.mkfifo(head)
        case "link":
            head.symlink_to("/etc/passwd")
        case "outside":
            head.write_text("ref: refs/heads/../../../../x\n")
        case "nonsense":
            head.write_bytes(b"\xff\0")
    ((at, by, late),) = judged(collect([handed], [lab], due=DUE))

    assert (at, by, late) == ("2026-01-31T11:00:00Z", "files", False)


def test_the_history_that_the_lab_itself_made_says_nothing(lab: Lab, handed: Path) -> None:
    workspace = answer(handed / "ada" / NAME)
    (workspace / ".lab").mkdir()
    repository(workspace, AFTER)

    assert judged(collect([handed], [lab], due=DUE)) == [("2026-01-31T11:00:00Z", "files", False)]


def test_the_time_of_a_plain_file_never_makes_anybody_late(lab: Lab, handed: Path) -> None:
    answer(handed / "ada" / NAME, AFTER)

    work = collect([handed], [lab], due=DUE)

    assert judged(work) == [("2026-01-31T13:00:00Z", "files", None)]
    assert "has to be looked up where it was handed in" in work.submissions[0].warnings[0]


# Into the report


def test_results_are_stamped_with_whose_they_are(lab: Lab, handed: Path, tmp_path: Path) -> None:
    pack(handed / "ada.zip", "steps/push.sh", at=datetime.fromtimestamp(AFTER, UTC))
    people = csv(tmp_path, "identifier,name\nada,Ada\nbo,Bo\n")
    work = collect([handed], [lab], roster=people, due=DUE)
    made = LabReport(
        lab=lab.name, title="", path=str(handed / "ada.zip"), steps=(), versions=Versions(), warnings=("w",)
    )

    report = work.stamped(Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=(made,)))

    (result,) = report.results
    assert result.person == people.people[0]
    assert (result.submitted_at, result.submitted_by, result.late) == (
        "2026-01-31T13:00:00Z",
        "archive",
        True,
    )
    assert result.warnings == ("w",)
    assert (report.due, [entry.person.identifier for entry in report.missing]) == (
        "2026-01-31T12:00:00Z",
        ["bo"],
    )
    assert work.stamped(report) == report
