"""A new lab: how it is called, where it is laid out, and what it never touches."""

import json
from pathlib import Path

import pytest

from checker.base.errors import EnvironmentFault, UsageError
from checker.judge import overlays
from checker.lab import newlab
from checker.lab.catalog import Catalog
from checker.lab.lesson import cells


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_lab_that_is_laid_out_is_read_as_a_lab_of_one_step(tmp_path: Path) -> None:
    newlab.lay_out(newlab.planned("20-my-topic", tmp_path))

    lab = Catalog(tmp_path).lab("20")

    assert (lab.name, lab.title) == ("20-my-topic", "My topic")
    assert [step.name for step in lab.steps] == ["push"]
    assert [mistake.step for mistake in Catalog(tmp_path).mistakes(lab)] == ["push"]
    assert [cell.answers for cell in cells(lab) if cell.answers] == ["push"]


def test_nothing_but_the_lab_and_its_notebook_is_written(tmp_path: Path) -> None:
    newlab.lay_out(newlab.planned("20-my-topic", tmp_path))

    assert names(tmp_path / "labs") == sorted(
        {
            "20-my-topic",
            *(
                f"20-my-topic/{path}"
                for path in (
                    "checks.py",
                    "lab.toml",
                    "mistakes",
                    "mistakes/push-only-tagged",
                    "mistakes/push-only-tagged/mistake.toml",
                    "mistakes/push-only-tagged/steps",
                    "mistakes/push-only-tagged/steps/push.sh",
                    "solution",
                    "solution/steps",
                    "solution/steps/push.sh",
                    "starter",
                    "starter/steps",
                    "starter/steps/push.sh",
                )
            ),
        }
    )
    assert names(tmp_path / "notebooks") == ["20-my-topic.ipynb"]


def test_the_starter_is_no_answer(tmp_path: Path) -> None:
    new = newlab.planned("my-topic", tmp_path)
    newlab.lay_out(new)
    overlays.untouched(Catalog(tmp_path).lab("my-topic"))(tmp_path / "workspace")

    text = (tmp_path / "workspace/steps/push.sh").read_text()

    assert all(line.startswith("#") for line in text.splitlines())


def test_the_notebook_is_one_that_jupyter_reads_and_ends_with_the_hand_in(tmp_path: Path) -> None:
    import nbformat

    new = newlab.planned("20-my-topic", tmp_path)
    document = json.loads(new.notebook_text())

    nbformat.validate(document)
    assert all(not cell.get("outputs") for cell in document["cells"])
    assert "".join(document["cells"][0]["source"]).startswith("# My topic\n")
    sources = ["".join(cell["source"]) for cell in document["cells"]]
    assert sources.index("%submit") == len(sources) - 3
    assert "(00-start.ipynb)" in sources[-1]
    assert any("\n%lab start 20" in source for source in sources)


@pytest.mark.parametrize(("there", "number"), [((), "01"), (("01-a", "07-b"), "08"), (("40-z",), "41")])
def test_a_topic_alone_gets_the_next_number(tmp_path: Path, there: tuple[str, ...], number: str) -> None:
    for name in there:
        (tmp_path / "labs" / name).mkdir(parents=True)

    assert newlab.planned("my-topic", tmp_path).name == f"{number}-my-topic"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "/etc",
        "a/b",
        "My-Topic",
        "my topic",
        "my_topic",
        "my--topic",
        "-topic",
        "topic-",
        "20-",
        "20",
        "20-40",
        "7-topic",
        "120-topic",
        "t\u00f6pic",
        "topic\n",
        "{{ 7 * 7 }}",
        "\x1b[31mred",
        "a" * 61,
    ],
)
def test_what_is_no_name_of_a_lab_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name for a lab"):
        newlab.planned(name, tmp_path)

    assert names(tmp_path) == []


def test_there_is_no_lab_behind_number_99(tmp_path: Path) -> None:
    (tmp_path / "labs/99-last").mkdir(parents=True)

    with pytest.raises(UsageError, match="no name for a lab"):
        newlab.planned("my-topic", tmp_path)


@pytest.mark.parametrize("wanted", ["20-my-topic", "20-other", "21-my-topic", "my-topic"])
def test_number_and_topic_of_another_lab_are_refused(tmp_path: Path, wanted: str) -> None:
    newlab.lay_out(newlab.planned("20-my-topic", tmp_path))

    with pytest.raises(UsageError, match="There is a lab 20-my-topic already"):
        newlab.planned(wanted, tmp_path)


@pytest.mark.parametrize("there", ["labs/20-my-topic", "notebooks/20-my-topic.ipynb"])
def test_what_lies_in_the_way_is_left_as_it_is(tmp_path: Path, there: str) -> None:
    path = tmp_path / there
    path.parent.mkdir(parents=True)
    path.write_text("mine")

    with pytest.raises(UsageError, match="is there already"):
        newlab.planned("20-my-topic", tmp_path)

    assert path.read_text() == "mine"


@pytest.mark.parametrize("there", ["labs/20-my-topic", "notebooks/20-my-topic.ipynb"])
def test_what_somebody_else_writes_at_the_same_moment_stays_and_nothing_is_left_half_done(
    tmp_path: Path, there: str
) -> None:
    new = newlab.planned("20-my-topic", tmp_path)
    path = tmp_path / there
    path.parent.mkdir(parents=True)
    path.write_text("theirs")

    with pytest.raises(EnvironmentFault, match="cannot be written"):
        newlab.lay_out(new)

    assert path.read_text() == "theirs"
    assert [name for name in names(tmp_path) if name not in ("labs", "notebooks")] == [there]


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("a file")

    with pytest.raises(EnvironmentFault, match="cannot be written") as caught:
        newlab.lay_out(newlab.planned("20-my-topic", tmp_path / "root"))

    assert "--dir" in caught.value.action


def test_the_installed_package_is_no_place_for_a_new_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    content = Path(newlab.__file__).resolve().parents[1] / "content"
    monkeypatch.setenv("REGISTRY_LAB_ROOT", str(content))

    with pytest.raises(UsageError, match="installed package") as caught:
        newlab.planned("my-topic")

    assert "--dir" in caught.value.action
