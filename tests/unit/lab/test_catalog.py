"""Reading labs: what is right becomes a Lab, what is wrong is told with file and place."""

from pathlib import Path

import pytest

from checker.base.errors import BrokenLab, ExitCode, UsageError
from checker.lab.catalog import Catalog, find_step
from tests.helpers import TinyLab


@pytest.fixture
def catalog(tiny: TinyLab) -> Catalog:
    return Catalog(tiny.root)


@pytest.mark.parametrize("name", ["90", "tiny", "90-tiny"])
def test_a_lab_is_found_by_number_topic_and_name(catalog: Catalog, name: str) -> None:
    assert catalog.lab(name).name == "90-tiny"


def test_a_number_needs_no_leading_zero(catalog: Catalog, tiny: TinyLab) -> None:
    tiny.folder.rename(tiny.folder.with_name("07-tiny"))

    assert catalog.lab("7").name == "07-tiny"


@pytest.mark.parametrize("name", ["91", "9", "tin", "", "../90-tiny", "90-"])
def test_what_is_no_lab_is_wrong_usage_that_names_the_labs(catalog: Catalog, name: str) -> None:
    with pytest.raises(UsageError) as raised:
        catalog.lab(name)

    assert raised.value.exit_code == ExitCode.USAGE
    assert "90-tiny" in raised.value.action


def test_only_folders_called_like_labs_are_labs(catalog: Catalog, tiny: TinyLab) -> None:
    for name in ("README", "1-short", "90_tiny", ".git", "80-Upper"):
        (tiny.root / "labs" / name).mkdir()
    (tiny.root / "labs/80-file").touch()

    assert catalog.names() == ["90-tiny"]


def test_a_root_without_labs_says_how_to_point_to_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        Catalog(tmp_path).names()

    assert "REGISTRY_LAB_ROOT" in raised.value.action


def test_a_lab_knows_what_its_file_says(catalog: Catalog, tiny: TinyLab) -> None:
    lab = catalog.lab("90")

    assert (lab.number, lab.topic, lab.points, lab.minutes) == ("90", "tiny", 10, 30)
    assert [step.answer_path for step in lab.steps] == ["steps/push.sh", "steps/pin.sh", "note.txt"]
    assert [step.is_script for step in lab.steps] == [True, True, False]
    assert lab.notebook == tiny.notebook


@pytest.mark.parametrize(("name", "found"), [("pin", "pin"), ("1", "push"), ("3", "note")])
def test_a_step_is_found_by_name_and_by_number(catalog: Catalog, name: str, found: str) -> None:
    assert find_step(catalog.lab("90"), name).name == found


@pytest.mark.parametrize("name", ["0", "4", "Push", ""])
def test_what_is_no_step_is_wrong_usage_that_names_the_steps(catalog: Catalog, name: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_step(catalog.lab("90"), name)

    assert raised.value.action == "Its steps are: push, pin, note."


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('title = "Tiny"', "title = ", "line 1, column 9"),
        ('version = "1"', "", "missing required field `version`"),
        ('title = "Tiny"', 'title = "Tiny"\ncolour = "red"', "unknown field `colour`"),
        ("points = 5", 'points = "five"', "Expected `int`, got `str` - at `$.steps[0].points`"),
        ("points = 5", "points = 0", "step 'push' must have points"),
        ("points = 5", "points = 5\ntime_limit = -1", "step 'push' must have points and a time limit"),
        ("points = 5", "points = 5\nhint = 'x'", "unknown field `hint` - at `$.steps[0]`"),
        ('kind = "word"', 'kind = "colour"', "Invalid enum value 'colour' - at `$.values[...].kind`"),
        ('needs = ["push"]', 'needs = ["note"]', "step 'pin' needs 'note', which does not come before it"),
        ('needs = ["push"]', 'needs = ["pin"]', "step 'pin' needs 'pin', which does not come before it"),
        ('name = "pin"', 'name = "push"', "step 'push' stands twice"),
        ('name = "pin"', 'name = "Pin it"', "step name 'Pin it' is not lower case words"),
        ('answer = "note.txt"', 'answer = "/etc/passwd"', "lies outside the workspace"),
        ('answer = "note.txt"', 'answer = ".lab/note.txt"', "lies outside the workspace"),
        ('service = "registry"', 'service = "hub"', "REGISTRY is the address of 'hub', which is no service"),
        ("[values]", "[files]\n'../x' = ''\n[values]", "the given file '../x' lies outside"),
    ],
)
def test_a_broken_lab_is_told_with_file_and_place(
    catalog: Catalog, tiny: TinyLab, old: str, new: str, told: str
) -> None:
    tiny.edit("lab.toml", old, new)

    with pytest.raises(BrokenLab) as raised:
        catalog.lab("90")

    assert str(tiny.folder / "lab.toml") in raised.value.message
    assert told in raised.value.message
    assert "author" in raised.value.action


def test_a_lab_without_steps_is_broken(catalog: Catalog, tiny: TinyLab) -> None:
    tiny.write("lab.toml", 'title = "x"\nversion = "1"\nsummary = "x"\nsteps = []\n')

    with pytest.raises(BrokenLab, match="it has no steps"):
        catalog.lab("90")


def test_a_folder_without_its_file_and_a_file_that_is_no_text_are_broken(
    catalog: Catalog, tiny: TinyLab
) -> None:
    (tiny.folder / "lab.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BrokenLab, match=r"lab\.toml: 'utf-8' codec"):
        catalog.lab("90")
    (tiny.folder / "lab.toml").unlink()
    with pytest.raises(BrokenLab, match=r"lab\.toml is missing"):
        catalog.lab("90")


def test_mistakes_are_read_and_a_broken_one_is_told(catalog: Catalog, tiny: TinyLab) -> None:
    lab = catalog.lab("90")
    (mistake,) = catalog.mistakes(lab)
    assert (mistake.name, mistake.step, mistake.finding) == ("says-so", "push", "not-pushed")

    tiny.edit("mistakes/says-so/mistake.toml", "why", "because")
    with pytest.raises(BrokenLab, match=r"says-so/mistake\.toml"):
        catalog.mistakes(lab)


def test_a_kind_that_is_a_file_of_the_lab_has_its_whole_path(catalog: Catalog, tiny: TinyLab) -> None:
    tiny.edit("lab.toml", 'kind = "registry"', 'kind = "lamp.py"')
    with pytest.raises(
        BrokenLab, match=r"the kind of the service 'registry' is in .*lamp\.py, which is missing"
    ):
        catalog.lab("90")

    tiny.write("lamp.py", "")
    (service,) = catalog.lab("90").services

    assert service.kind == str(tiny.folder / "lamp.py")
