"""Downloads of learning platforms, and classes as instructors keep them: everybody's work is found, and is theirs."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from checker.base.model import Lab
from checker.base.results import Person
from checker.grading.intake import roster
from checker.grading.intake.classwork import Classwork, collect
from checker.grading.intake.recognising import inside
from checker.grading.intake.roster import Roster
from checker.judge import submission
from checker.lab.catalog import Catalog
from tests.helpers import TinyLab

NAME = TinyLab.name
IN_PLACE = f"{NAME}/steps/push.sh"


@pytest.fixture
def lab(tiny: TinyLab) -> Lab:
    return Catalog(tiny.root).lab("90")


@pytest.fixture
def other(lab: Lab) -> Lab:
    steps = (
        msgspec.structs.replace(lab.steps[0], name="cache"),
        msgspec.structs.replace(lab.steps[1], name="warm"),
    )
    return msgspec.structs.replace(lab, name="91-other", steps=steps)


@pytest.fixture
def handed(tmp_path: Path) -> Path:
    folder = tmp_path / "submissions"
    folder.mkdir()
    return folder


def zipped(*names: str, **inner: bytes) -> bytes:
    """A zip of answers; and of archives, by name with __ for /."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(name, "" if name.endswith("/") else "echo mine\n")
        for name, data in inner.items():
            archive.writestr(name.replace("__", "/") + ".zip", data)
    return made.getvalue()


def write(folder: Path, *names: str) -> None:
    """Files below a folder; those called .zip are archives with a workspace."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(zipped(IN_PLACE) if name.endswith(".zip") else b"echo mine\n")


def people(*rows: str) -> Roster:
    """People as `identifier|name|email|login`."""
    cells = [[*row.split("|"), "", "", ""][:4] for row in rows]
    return Roster([Person(identifier=i, name=n, email=e, login=g, listed=True) for i, n, e, g in cells])


def whose(work: Classwork, base: Path) -> dict[str, str]:
    return {
        str(one.path.relative_to(base)): one.person.identifier if one.person else ""
        for one in work.submissions
    }


def told(work: Classwork) -> str:
    return "\n".join([*(f"{one.path}: {one.why}" for one in work.left), *(one.error for one in work.lost)])


ADA, GRACE = "4711|Ada Lovelace|ada@x.example|ada01", "4712|Grace Hopper|grace@x.example|gh02"


# Learning platforms


@pytest.mark.parametrize(
    "name",
    [
        f"Ada Lovelace_101_assignsubmission_file_/{IN_PLACE}",
        f"Ada Lovelace_101_assignsubmission_file/{IN_PLACE}",
        "Ada Lovelace_101_assignsubmission_file_/my work.zip",
        "Ada Lovelace_101_assignsubmission_file_90-tiny.zip",
        "Ada Lovelace_101_assignsubmission_file_my-work (2).zip",
        "Ada Lovelace_101_assignsubmission_file_grace-hopper.zip",
        "lovelaceada_101_55501_work.zip",
        "lovelaceada_LATE_101_55501_gh02.zip",
        "Lab 1_ada01_attempt_2026-01-31-23-59-59_work.zip",
        "Lab_1_final_ada01_attempt_2026-01-31-23-59-59_gh02.zip",
        f"12345-67890 - Ada Lovelace - Jan 31, 2026 1159 PM/{IN_PLACE}",
        "12345-67890 - Ada Lovelace - 31 January, 2026 23 59/work.zip",
        "12345-67890 - Ada Lovelace - Jan 31, 2026 1159 PM - work.zip",
        "12345-67890 - Lovelace, Ada - 31. Januar 2026 2359/work.zip",
    ],
)
def test_the_name_that_a_platform_gives_says_whose_it_is(lab: Lab, handed: Path, name: str) -> None:
    write(handed, name)

    work = collect([handed], [lab], roster=people(GRACE, ADA))

    assert list(whose(work, handed).values()) == ["4711"]
    assert work.unmatched == ()


@pytest.mark.parametrize(
    ("name", "person"),
    [
        (
            "Joerg Mueller_4713_assignsubmission_file_my-tags.zip",
            Person(identifier="4713", name="Joerg Mueller"),
        ),
        ("lovelaceada_1815_5550_work.zip", Person(identifier="1815", name="lovelaceada")),
        ("Lab 1_ada01_attempt_2026-01-31-23-59-59_w.zip", Person(identifier="ada01", login="ada01")),
        ("12345-67890 - Ada L - Jan 31, 2026 1159 PM/w.zip", Person(identifier="12345", name="Ada L")),
        ("ada_2026_01_31.zip", Person(identifier="ada_2026_01_31")),
    ],
)
def test_without_a_roster_the_platforms_name_is_all_there_is(
    lab: Lab, handed: Path, name: str, person: Person
) -> None:
    write(handed, name)

    (found,) = collect([handed], [lab]).submissions

    assert found.person == person


@pytest.mark.parametrize(
    "name",
    [
        "Anna Schmidt_4711_assignsubmission_file_",
        "Anna Lovelace_99_assignsubmission_file_",
        "schmidtanna_4711_5550_work",
        "Lab 1_ada_attempt_2026-01-31-23-59-59_w",
        "Lab 1_x1_attempt_2026-01-31-23-59-59_ada01",
        "12345-67890 - Anna Schmidt - Jan 31, 2026 1159 PM",
        "4711-67890 - Anna Schmidt - Jan 31, 2026 1159 PM",
        "submission_4711",
    ],
)
@pytest.mark.parametrize("inner", ["", "/ada01", "/ada", "/4711-work"])
def test_a_platforms_name_of_somebody_else_is_nobodys(lab: Lab, handed: Path, name: str, inner: str) -> None:
    write(handed, f"{name}{inner}/{IN_PLACE}")

    work = collect([handed], [lab], roster=people(ADA, "1|Grace Hopper"))

    (found,) = work.submissions
    assert work.unmatched == (str(found.path),)
    assert found.person is None or found.person.identifier not in ("4711", "1")


@pytest.mark.parametrize(
    "word", ["Participant ", "Teilnehmer/in", "Teilnehmer/in ", "Participante ", "Участник "]
)
def test_moodles_numbers_tell_people_of_one_name_apart(lab: Lab, handed: Path, word: str) -> None:
    for number in (4711, 4712, 4713):
        write(handed, f"Maria Schmidt_{number}_assignsubmission_file_/{IN_PLACE}")

    work = collect([handed], [lab], roster=people(f"{word}4711|Maria Schmidt", f"{word}4712|Maria Schmidt"))

    assert [one.person and one.person.identifier for one in work.submissions][:2] == [
        f"{word}4711",
        f"{word}4712",
    ]
    assert len(work.unmatched) == 1
    assert work.missing == ()


def test_moodles_number_of_somebody_who_is_not_on_the_worksheet_is_nobodys(lab: Lab, handed: Path) -> None:
    write(handed, f"Maria Schmidt_4712_assignsubmission_file_/{IN_PLACE}")

    work = collect([handed], [lab], roster=people("Participant 4711|Maria Schmidt"))

    assert len(work.unmatched) == 1


def test_work_that_moodle_shows_without_names_is_told_by_the_worksheet(lab: Lab, handed: Path) -> None:
    write(handed, f"Participant_4711_assignsubmission_file_/{IN_PLACE}")

    assert whose(collect([handed], [lab], roster=people("Participant 4711")), handed) == {
        f"Participant_4711_assignsubmission_file_/{NAME}": "Participant 4711"
    }


def test_the_group_in_front_of_a_name_in_moodle_is_no_part_of_it(lab: Lab, handed: Path) -> None:
    write(handed, f"Group A-Ada Lovelace_4711_assignsubmission_file_/{IN_PLACE}")

    write(handed, f"Lab-Grace Hopper_4712_assignsubmission_file_/{IN_PLACE}")
    write(handed, f"Anna-Lena Schmidt_4713_assignsubmission_file_/{IN_PLACE}")

    work = collect([handed], [lab], roster=people("Participant 4711|Ada Lovelace", GRACE, "9|Lena Schmidt"))

    assert [entry.person.identifier for entry in work.missing] == ["9"]
    assert len(work.unmatched) == 1


METADATA = """\
submission_77:
  :submitters:
  - :name: Ada Lovelace
    :sid: '4711'
    :email: ada@x.example
  :created_at: 2026-01-31 22:00:00.0 Z
submission_78:
  :submitters:
  - :name: Grace Hopper
    :sid:
    :email: grace@x.example
  - :name: Bea B
    :sid: '4713'
    :email: bea@x.example
submission_79:
  :submitters: nonsense
"""


def test_gradescopes_own_list_says_whose_its_folders_are(lab: Lab, handed: Path) -> None:
    for number in (77, 78, 79):
        write(handed / "assignment_5_export", f"submission_{number}/steps/push.sh")
    (handed / "assignment_5_export/submission_metadata.yml").write_text(METADATA)

    work = collect([handed], [lab], roster=people(ADA, GRACE, "4713|Bea B", "79|Nobody"))

    assert [one.person and one.person.identifier for one in work.submissions][:2] == ["4711", "4712"]
    assert "also for 4713" in work.submissions[1].warnings[0]
    assert [entry.person.identifier for entry in work.missing] == ["79"]
    assert len(work.unmatched) == 1


def test_gradescopes_list_is_read_in_its_download_and_without_a_roster_too(lab: Lab, handed: Path) -> None:
    with zipfile.ZipFile(handed / "submissions.zip", "w") as made:
        made.writestr("a/submission_metadata.yml", METADATA)
        made.writestr("a/submission_77/push.sh", "echo mine\n")
        made.writestr("a/submission_78/steps/push.sh", "echo mine\n")

    work = collect([handed / "submissions.zip"], [lab])

    assert [one.person and one.person.identifier for one in work.submissions] == ["4711", "grace@x.example"]


# Evidence


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("grace_hopper_lab_1", "1|Ada Lovelace"),
        ("lab 1", "1|Ada Lovelace"),
        ("ada (1)", "1|Bea B"),
        ("hw-2026", "2026|Ada Lovelace"),
        ("bea_2026-01-31", "0131|Ada Lovelace"),
        ("anna-schmidt", "7|Anna Meyer|anna@x.example"),
        ("anna schmidt", "7|Anna Meyer||anna"),
        ("tags-anna-schmidt", "7|Anna Meyer|anna@x.example|anna"),
        ("Anna Schmidt-Meyer", "7|Anna Schmidt"),
        ("ada-king", "7|Anna King||king"),
        ("bada01", "7|Ada L||ada01"),
        ("ada012", "7|Ada L||ada01"),
        ("x4711", "4711|Ada L"),
        ("47-11", "4711|Ada L"),
    ],
)
def test_half_a_name_and_a_row_number_are_nobodys(lab: Lab, handed: Path, name: str, row: str) -> None:
    write(handed, f"{name}/{IN_PLACE}")

    work = collect([handed], [lab], roster=people(row, "99|Zoe Z"))

    assert len(work.unmatched) == 1
    assert len(work.missing) == 2


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("grace_hopper_lab_1", "2|Grace Hopper"),
        ("grace-hopper (1)", "2|Grace Hopper"),
        ("Grace Hopper - Copy", "2|Grace Hopper"),
        ("Hopper, Grace", "2|Grace Hopper"),
        ("Grace Hopper_my registry", "2|Grace Hopper"),
        ("joerg mueller", "2|Jörg Müller"),
        ("Jörg Müller", "2|Joerg Mueller"),
        ("Bjørn Ødegård", "2|Bjorn Odegard"),
        ("Lab1_gh02_final", "2|Grace Hopper||gh02"),
        ("90-tiny-gh", "2|Grace Hopper||gh"),
        ("gh02@x.example", "2|Grace Hopper|gh02@x.example"),
        ("tags-grace-h", "2|Grace Hopper||grace-h"),
        ("0004711-lab-1", "0004711|Grace Hopper"),
        ("(4711) Grace", "4711|Grace Hopper"),
    ],
)
def test_whole_evidence_finds_people(lab: Lab, handed: Path, name: str, row: str) -> None:
    write(handed, f"{name}/{IN_PLACE}")

    work = collect([handed], [lab], roster=people(row, "1|Zoe Z|z@x.example|zz"))

    assert work.unmatched == ()
    assert [entry.person.identifier for entry in work.missing] == ["1"]


def test_two_people_named_in_one_name_are_nobody(lab: Lab, handed: Path) -> None:
    write(handed, f"4711_Grace Hopper/{IN_PLACE}", f"ada01-gh02/{IN_PLACE}")

    assert len(collect([handed], [lab], roster=people(ADA, GRACE)).unmatched) == 2


def test_somebody_not_on_the_roster_never_has_the_identifier_of_somebody_who_is(
    lab: Lab, handed: Path
) -> None:
    write(handed, f"Anna Schmidt_4711_assignsubmission_file_/{IN_PLACE}")

    (found,) = collect([handed], [lab], roster=people(ADA)).submissions

    assert found.person is not None
    assert found.person.identifier != "4711"


def test_the_rest_of_a_login_is_no_login_in_repositories_of_one_assignment(lab: Lab, handed: Path) -> None:
    write(handed, f"tags-bea-king/{IN_PLACE}", f"tags-ada01/{IN_PLACE}")

    work = collect([handed], [lab], roster=people(ADA, "7|Bo K||king"))

    assert [entry.person.identifier for entry in work.missing] == ["7"]


# Classes as instructors keep them


@pytest.mark.parametrize(
    "section", ["section-a", "Group 1", "A", "Montag 10 Uhr", "tutor smith", "2026/section-a", "s/t/u/v/w/x"]
)
def test_people_below_a_folder_for_each_section_are_people(lab: Lab, handed: Path, section: str) -> None:
    write(handed, f"{section}/ada/{IN_PLACE}", f"{section}/grace/{IN_PLACE}")

    work = collect([handed], [lab])

    assert sorted(whose(work, handed).values()) == ["ada", "grace"]
    assert all(not one.warnings for one in work.submissions)


def test_people_of_one_name_in_two_sections_are_two(lab: Lab, handed: Path) -> None:
    write(handed, f"section-a/anna/{IN_PLACE}", f"section-b/anna/{IN_PLACE}", f"section-b/bo/{IN_PLACE}")
    write(handed, f"section-a/cy/{IN_PLACE}")

    assert sorted(whose(collect([handed], [lab]), handed).values()) == [
        "bo",
        "cy",
        "section-a/anna",
        "section-b/anna",
    ]


def test_a_section_is_nobodys_even_if_its_number_is_a_row(lab: Lab, handed: Path) -> None:
    write(handed, f"1/ada01/{IN_PLACE}", f"1/stranger/{IN_PLACE}", f"1/gh02/{IN_PLACE}")

    work = collect([handed], [lab], roster=people("1|Bea B", ADA, GRACE))

    assert sorted(whose(work, handed).values()) == ["4711", "4712", "stranger"]
    assert [entry.person.identifier for entry in work.missing] == ["1"]


@pytest.mark.parametrize(
    "names", [["1/stranger"], ["1/stranger", "1/other"], ["stranger/1"], ["Lab 1/stranger"]]
)
def test_a_number_beside_somebody_elses_name_is_no_rows(lab: Lab, handed: Path, names: list[str]) -> None:
    write(handed, *(f"{name}/{IN_PLACE}" for name in names))

    work = collect([handed], [lab], roster=people("1|Ada Lovelace", "2|Grace Hopper"))

    assert len(work.unmatched) == len(names)


def test_one_person_may_hand_in_several_labs_and_attempts(lab: Lab, other: Lab, handed: Path) -> None:
    write(handed, f"ada/first/{IN_PLACE}", f"ada/{other.name}/steps/cache.sh", f"bo/attempt-1/{IN_PLACE}")
    write(handed, f"bo/attempt-2/{IN_PLACE}", "cy/work.zip", "cy/work (1).zip")

    work = collect([handed], [lab, other])

    assert [one.person and one.person.identifier for one in work.submissions] == [
        "ada",
        "ada",
        "bo",
        "bo",
        "cy",
        "cy",
    ]
    assert sum("twice" in " ".join(one.warnings) for one in work.submissions) == 2


def test_a_section_may_be_called_like_a_person(lab: Lab, handed: Path) -> None:
    write(handed, f"ada01/gh02/{IN_PLACE}", f"ada01/bea/{IN_PLACE}", f"smith/ada01/{IN_PLACE}")

    work = collect([handed], [lab], roster=people(ADA, GRACE, "bea"))

    assert sorted(whose(work, handed).values()) == ["4711", "4712", "bea"]


def test_a_persons_folder_in_one_that_is_called_like_another_is_nobodys(lab: Lab, handed: Path) -> None:
    write(handed, f"ada01/gh02/{IN_PLACE}", f"bea/1/{IN_PLACE}")

    work = collect([handed], [lab], roster=people(ADA, GRACE, "bea", "1|Zoe"))

    assert [entry.person.identifier for entry in work.missing] == ["4711", "4712", "1"]
    assert len(work.unmatched) == 1


def test_a_persons_own_repository_or_archive_is_not_others(lab: Lab, handed: Path) -> None:
    write(handed, f"hw-ada01/gh02/{IN_PLACE}", f"hw-ada01/bea/{IN_PLACE}")
    (handed / "hw-ada01/.git").mkdir()
    (handed / "ada01.zip").write_bytes(zipped(f"gh02/{IN_PLACE}", f"bea/{IN_PLACE}"))

    work = collect([handed], [lab], roster=people(ADA, GRACE, "bea"))

    assert {"4712", "bea"} <= {entry.person.identifier for entry in work.missing}


def test_names_that_say_nothing_are_people_of_their_own(lab: Lab, handed: Path) -> None:
    write(handed, f"submission_1/{IN_PLACE}", f"Submission 2/{IN_PLACE}", f"Group 3/{IN_PLACE}")

    assert sorted(whose(collect([handed], [lab]), handed).values()) == [
        "Group 3",
        "Submission 2",
        "submission_1",
    ]


def test_a_folder_for_each_lab_with_everybody_in_it_is_a_class(lab: Lab, other: Lab, handed: Path) -> None:
    write(handed, f"{NAME}/ada/steps/push.sh", f"{NAME}/bo/{IN_PLACE}", f"{other.name}/ada/cache.sh")

    assert whose(collect([handed], [lab, other]), handed) == {
        f"{NAME}/ada": "ada",
        f"{NAME}/bo/{NAME}": "bo",
        f"{other.name}/ada": "ada",
    }


def test_each_named_on_the_command_line_is_somebodys(lab: Lab, handed: Path) -> None:
    write(handed, f"ada/mine/{IN_PLACE}", f"bo/mine/{IN_PLACE}", "cy.zip")

    work = collect([handed / "ada", handed / "bo", handed / "cy.zip"], [lab])

    assert sorted(whose(work, handed).values()) == ["ada", "bo", "cy"]


def test_a_folder_that_was_packed_inside_itself_is_found(lab: Lab, handed: Path) -> None:
    write(handed, f"ada/{NAME}/{IN_PLACE}")
    (handed / f"{NAME}.zip").write_bytes(zipped(IN_PLACE))

    assert set(whose(collect([handed], [lab]), handed)) == {f"ada/{NAME}/{NAME}", f"{NAME}.zip/{NAME}"}


# Archives in archives


def test_archives_in_a_download_of_everybody_are_looked_into(lab: Lab, handed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(handed / "bulk.zip", "w") as made:
        made.writestr(f"Ada A_1_assignsubmission_file_/{IN_PLACE}", "echo mine\n")
        made.writestr("Bea B_2_assignsubmission_file_/work.zip", zipped(IN_PLACE))
        made.writestr("Cyn C_3_assignsubmission_file_/outer.zip", zipped(inner=zipped("steps/push.sh")))
        made.writestr("Dan D_4_assignsubmission_file_/broken.zip", "no archive")
        made.writestr("Eve E_5_assignsubmission_file_/essay.pdf", "%PDF")
        made.writestr("Fay F_6_assignsubmission_file_push.sh", "echo mine\n")

    work = collect([handed / "bulk.zip"], [lab])

    assert whose(work, handed / "bulk.zip") == {
        f"Ada A_1_assignsubmission_file_/{NAME}": "1",
        f"Bea B_2_assignsubmission_file_/work.zip/{NAME}": "2",
        "Cyn C_3_assignsubmission_file_/outer.zip/inner.zip": "3",
        "Dan D_4_assignsubmission_file_/broken.zip": "4",
        "Fay F_6_assignsubmission_file_": "6",
    }
    (eve,) = work.lost
    assert eve.person == Person(identifier="5", name="Eve E")
    assert "only essay.pdf" in eve.error
    for number, one in enumerate(work.submissions):
        intake = submission.take_in(lab, one.path, tmp_path / f"taken{number}")
        if "broken" in one.path.name:
            assert intake.refused is not None
        else:
            assert (tmp_path / f"taken{number}/steps/push.sh").read_text() == "echo mine\n"
    assert not [path for path in tmp_path.iterdir() if "unpacked" in path.name]


def test_archives_may_not_lie_inside_each_other_without_end(lab: Lab, handed: Path) -> None:
    data = zipped(IN_PLACE)
    for _ in range(6):
        data = zipped(inner=data)
    (handed / "ada.zip").write_bytes(data)

    (lost,) = collect([handed], [lab]).lost

    assert lost.path.endswith("ada.zip/inner.zip/inner.zip/inner.zip/inner.zip")
    assert "more than is looked through" in lost.error


def test_what_lies_in_one_persons_archives_has_one_allowance(
    lab: Lab, handed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checker.grading.intake.looking.UNPACKED_LIMIT", 2000)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as made:
        made.writestr("zeros", bytes(3000))
    (handed / "ada.zip").write_bytes(zipped(a=inner.getvalue(), b=inner.getvalue(), c=zipped(IN_PLACE)))
    write(handed, "bo.zip")

    work = collect([handed], [lab])

    assert "more than is looked through" in " ".join(work.submissions[1].warnings)
    assert whose(work, handed)[f"bo.zip/{NAME}"] == "bo"


def test_an_archive_that_nothing_can_be_graded_of_says_what_is_in_it(lab: Lab, handed: Path) -> None:
    (handed / "ada.zip").write_bytes(zipped("essay.pdf", "notes/more.txt"))
    (handed / "bo.zip").write_bytes(zipped("../out/steps/push.sh"))
    write(handed, "cy.zip")

    ada, bo, _ = collect([handed], [lab]).submissions

    assert "only essay.pdf, notes" in ada.warnings[0]
    assert "leads out of the archive" in bo.warnings[0]


@pytest.mark.parametrize(
    "form", ["/home/lee/course/", "home/lee/My Documents/a/b/c/d/e/", "C:\\Users\\lee\\x\\"]
)
def test_a_workspace_packed_with_its_whole_path_is_found_and_is_its_archives(
    lab: Lab, handed: Path, tmp_path: Path, form: str
) -> None:
    with zipfile.ZipFile(handed / "ada01.zip", "w") as made:
        for name in ("push.sh", "pin.sh"):
            info = zipfile.ZipInfo("x")
            info.filename = f"{form}workspace/{NAME}/steps/{name}"
            made.writestr(info, "echo mine\n")

    work = collect([handed], [lab], roster=people(ADA, "7|Lee L||lee"))

    (found,) = work.submissions
    assert found.path.name == NAME
    assert found.person is not None
    assert found.person.identifier == "4711"
    assert submission.take_in(lab, found.path, tmp_path / "taken").refused is None
    assert (tmp_path / "taken/steps/push.sh").is_file()


def test_the_name_in_a_whole_path_is_no_evidence(lab: Lab, handed: Path) -> None:
    (handed / "work.zip").write_bytes(zipped(f"home/gh02/{IN_PLACE}"))

    assert len(collect([handed], [lab], roster=people(ADA, GRACE)).unmatched) == 1


@pytest.mark.parametrize("page", ["cp437", "cp850", "utf-8"])
def test_names_in_a_code_page_are_read(lab: Lab, handed: Path, page: str) -> None:
    name = "Jörg Müller_77_assignsubmission_file_"
    path = handed / "bulk.zip"
    raw = name.encode(page)
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(f"{'x' * len(raw)}/{IN_PLACE}", "echo mine\n")
        made.writestr(f"Ada A_1_assignsubmission_file_/{IN_PLACE}", "echo mine\n")
    path.write_bytes(path.read_bytes().replace(b"x" * len(raw), raw))

    work = collect([path], [lab])

    assert sorted(whose(work, path)) == [f"Ada A_1_assignsubmission_file_/{NAME}", f"{name}/{NAME}"]


# Single files


@pytest.mark.parametrize(
    "names",
    [
        ["ada/push.sh", "ada/pin.sh"],
        ["ada/src/push.sh", "ada/src/pin.sh", "ada/README.md"],
        ["ada/push.sh", "ada/pin.sh", "ada/essay.pdf"],
    ],
)
def test_answers_without_their_folder_are_put_where_they_belong(
    lab: Lab, handed: Path, tmp_path: Path, names: list[str]
) -> None:
    write(handed, *names)

    (found,) = collect([handed], [lab]).submissions
    intake = submission.take_in(lab, found.path, tmp_path / "taken")

    assert found.person == Person(identifier="ada")
    assert (tmp_path / "taken/steps/push.sh").is_file()
    assert "graded as steps/push.sh, steps/pin.sh." in intake.warnings[-1]


@pytest.mark.parametrize(
    "beginning",
    [
        "Ada L_1_assignsubmission_file_",
        "Lab 1_ada01_attempt_2026-01-31-23-59-59_",
        "12345-67890 - Ada L - Jan 31, 2026 1159 PM - ",
    ],
)
def test_single_files_in_a_download_without_folders_are_one_persons(
    lab: Lab, handed: Path, tmp_path: Path, beginning: str
) -> None:
    write(handed, f"{beginning}push.sh", f"{beginning}pin.sh", "index.html")
    write(handed, f"{beginning.replace('1_', '2_').replace('12345', '12346').replace('ada01', 'bo')}push.sh")

    work = collect([handed], [lab])
    intake = submission.take_in(lab, work.submissions[0].path, tmp_path / "taken")

    assert len(work.submissions) == 2
    assert work.submissions[0].handed.by == "files"
    assert intake.refused is None
    assert {path.name for path in (tmp_path / "taken/steps").iterdir()} == {"push.sh", "pin.sh"}
    assert "index.html: It is no archive" in told(work)


def test_single_files_of_canvas_have_a_number_each(lab: Lab, handed: Path, tmp_path: Path) -> None:
    write(
        handed,
        "lovelaceada_1815_5550_push.sh",
        "lovelaceada_1815_5551_pin.sh",
        "hoppergrace_1816_5552_push.sh",
    )

    work = collect([handed], [lab])
    submission.take_in(lab, work.submissions[1].path, tmp_path / "taken")

    assert [one.person and one.person.identifier for one in work.submissions] == ["1816", "1815"]
    assert {path.name for path in (tmp_path / "taken/steps").iterdir()} == {"push.sh", "pin.sh"}


def test_an_answer_in_its_place_stays_and_nothing_is_moved_through_a_link(
    lab: Lab, handed: Path, tmp_path: Path
) -> None:
    write(handed, "ada/push.sh", "ada/steps/pin.sh", "bo/push.sh")
    (handed / "bo/steps").symlink_to(".")

    ada = submission.take_in(lab, handed / "ada", tmp_path / "ada")
    submission.take_in(lab, handed / "bo", tmp_path / "bo")

    assert not any("graded as" in warning for warning in ada.warnings)
    assert (tmp_path / "ada/push.sh").is_file()
    assert not (tmp_path / "bo/steps").is_symlink()


# Nothing vanishes


def test_what_is_not_graded_is_told(lab: Lab, handed: Path) -> None:
    write(handed, f"ada/{IN_PLACE}", "zed/report.pdf", "zed/deep/notes.txt", "readme.txt")
    (handed / "empty").mkdir()
    (handed / "ada/link").symlink_to("../zed")

    work = collect([handed], [lab])

    assert {str(one.path.relative_to(handed)): one.why for one in work.left} == {
        "ada/link": "It is a link, which may lead to somebody else's work.",
        "empty": "It is empty.",
        "readme.txt": "It is no archive, and no answer of a lab.",
        "zed": "It holds no folder called like a lab, and no answers, only report.pdf, deep.",
    }


def test_a_folder_that_cannot_be_read_is_told(
    lab: Lab, handed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(handed, f"ada/{IN_PLACE}", f"zed/{IN_PLACE}")
    listed = Path.iterdir

    def refusing(path: Path) -> Iterator[Path]:
        if path.name == "zed":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refusing)
    monkeypatch.setattr(
        "checker.grading.intake.looking.inside",
        lambda folder, labs: inside(folder, labs) if folder.name != "zed" else [],
    )

    assert "zed: It cannot be read: Permission denied." in told(collect([handed], [lab]))


def test_somebody_of_whom_nothing_can_be_graded_is_an_error_and_not_missing(lab: Lab, handed: Path) -> None:
    write(handed, f"ada01/{IN_PLACE}", "gh02/report.pdf", "notes/plan.txt")

    work = collect([handed], [lab], roster=people(ADA, GRACE))

    (lost,) = work.lost
    assert lost.person is not None
    assert (lost.person.identifier, work.missing) == ("4712", ())
    assert [one.path.name for one in work.left] == ["notes"]


def test_what_lies_beside_a_workspace_is_looked_at_too(lab: Lab, other: Lab, handed: Path) -> None:
    write(handed, f"ada/{IN_PLACE}", "ada/more.zip", "ada/notes.txt")
    (handed / "ada/rest.zip").write_bytes(zipped(f"{other.name}/steps/cache.sh"))
    (handed / "ada/junk.zip").write_bytes(zipped("a.txt"))

    work = collect([handed], [lab, other])

    assert whose(work, handed) == {
        f"ada/{NAME}": "ada",
        f"ada/rest.zip/{other.name}": "ada",
    }
    assert "junk.zip: It holds no folder" in told(work)
    assert f"more.zip/{NAME}: It is {NAME} once more" in told(work)


def test_a_workspace_of_any_name_may_have_another_labs_beside_it(lab: Lab, other: Lab, handed: Path) -> None:
    write(handed, "ada/steps/push.sh", f"ada/{other.name}/steps/cache.sh", "bo/steps/push.sh")
    (handed / "bo/rest.zip").write_bytes(zipped(f"{other.name}/steps/cache.sh"))
    (handed / "bo/app.zip").write_bytes(zipped("a.txt"))

    work = collect([handed], [lab, other])

    assert whose(work, handed) == {
        "ada": "ada",
        f"ada/{other.name}": "ada",
        "bo": "bo",
        f"bo/rest.zip/{other.name}": "bo",
    }
    assert work.left == ()


def test_people_of_a_section_of_whom_nothing_can_be_graded_are_told_each(lab: Lab, handed: Path) -> None:
    write(handed, "section-a/gh02/a.pdf", "section-a/bea/b.pdf", f"section-b/ada01/{IN_PLACE}")

    work = collect([handed], [lab], roster=people(ADA, GRACE))

    assert [lost.person and lost.person.identifier for lost in work.lost] == ["4712"]
    assert [str(one.path.relative_to(handed)) for one in work.left] == ["section-a/bea"]


def test_what_blackboard_writes_beside_files_is_nothing_handed_in(lab: Lab, handed: Path) -> None:
    write(
        handed, "Lab 1_ada01_attempt_2026-01-31-23-59-59_w.zip", "Lab 1_ada01_attempt_2026-01-31-23-59-59.txt"
    )
    write(handed, "Lab 1_gh02_attempt_2026-01-31-23-59-59.txt")

    work = collect([handed], [lab])

    assert work.left == ()
    assert [lost.person and lost.person.identifier for lost in work.lost] == ["gh02"]


def test_the_end_of_a_user_name_in_blackboard_is_no_user_name(lab: Lab, handed: Path) -> None:
    for user in ("a_smith", "b_smith", "st_ada"):
        write(handed, f"Lab_1_{user}_attempt_2026-01-31-23-59-59_w.zip")

    work = collect([handed], [lab])
    listed = collect([handed], [lab], roster=people("1|||smith", "2|||st_ada"))

    assert [one.person and one.person.identifier for one in work.submissions] == [
        "a_smith",
        "b_smith",
        "st_ada",
    ]
    assert [entry.person.identifier for entry in listed.missing] == ["1"]


def test_the_number_in_a_downloads_own_name_is_nobodys(lab: Lab, handed: Path) -> None:
    with zipfile.ZipFile(handed / "CS101-Lab 1-4711.zip", "w") as made:
        made.writestr(f"Grace Hopper_1_assignsubmission_file_/{IN_PLACE}", "echo mine\n")
        made.writestr(f"Zoe Z_2_assignsubmission_file_/{IN_PLACE}", "echo mine\n")

    for path in (handed, handed / "CS101-Lab 1-4711.zip"):
        work = collect([path], [lab], roster=people(ADA, GRACE))

        assert [entry.person.identifier for entry in work.missing] == ["4711"]
        assert len(work.unmatched) == 1


def test_an_answer_that_fits_several_labs_is_told(lab: Lab, handed: Path) -> None:
    write(handed, "ada/steps/push.sh", f"bo/{IN_PLACE}")

    work = collect([handed], [lab, msgspec.structs.replace(lab, name="92-twin")])

    assert whose(work, handed) == {f"bo/{NAME}": "bo"}
    assert "fit several labs: name the lab with --lab" in told(work)


def test_guessing_keeps_working_by_its_old_name() -> None:
    assert roster.guess(["ada.zip"]) == Person(identifier="ada")
