"""Answers that are the same but for names are listed; those that a task makes alike are not."""

from pathlib import Path

import pytest

from checker.base.model import Lab
from checker.base.results import Alike
from checker.grading.intake.classwork import collect
from checker.grading.intake.likeness import words
from checker.lab.catalog import Catalog
from tests.helpers import Command, TinyLab

OWN = """\
# Push it the long way round.
set -eu
context=$(mktemp -d)
for part in amber beryl coral; do
  printf 'LABEL %s=%s\\n' "$part" "$TOKEN" >> "$context/Dockerfile"
done
tar -C "$context" -cf - Dockerfile | gzip -9 | base64 --wrap=76 > "$context/archive"
base64 --decode "$context/archive" | docker import - "$REGISTRY/$WORD:1" || exit 4
test -s "$context/archive" && rm -r "$context"
"""
RENAMED = """\
set -eu

dir=$(mktemp   -d)   # mine, all mine
for p in one two three
do
  printf "LABEL %s=%s\\n" "$p" "$TOKEN" >> "${dir}/Dockerfile"
done
tar -C "$dir" -cf - Dockerfile | gzip -9 | \\
  base64 --wrap=80 > "$dir/packed"
base64 --decode "$dir/packed" | docker import - "$REGISTRY/$WORD:1" || exit 3
test -s "$dir/packed" && rm -r "$dir"
"""
OTHER = """\
exec 3> build.log
cat > Dockerfile <<END
FROM registry-lab/busybox:1
LABEL token=$TOKEN
END
while ! docker build --tag "$REGISTRY/$WORD:1" --file Dockerfile . >&3; do sleep 1; done
until docker push "$REGISTRY/$WORD:1"; do echo again; sleep 2; [ -e stop ] && break; done
grep -q digest build.log && mv build.log old.log && chmod 600 old.log
"""


@pytest.fixture
def lab(tiny: TinyLab) -> Lab:
    return Catalog(tiny.root).lab("90")


@pytest.fixture
def handed(tmp_path: Path) -> Path:
    return tmp_path / "submissions"


def write(handed: Path, **answers: str) -> None:
    for who, text in answers.items():
        steps = handed / who / TinyLab.name / "steps"
        steps.mkdir(parents=True)
        (steps / "push.sh").write_text(text)


def alike(handed: Path, lab: Lab) -> list[tuple[set[str], float]]:
    return [
        ({Path(path).parent.name for path in group.paths}, group.percent)
        for group in collect([handed], [lab]).alike
    ]


def test_names_values_comments_quotes_and_white_space_make_no_difference(handed: Path, lab: Lab) -> None:
    write(handed, ada=OWN, bo=RENAMED, cy=OTHER)

    assert alike(handed, lab) == [({"ada", "bo"}, 100.0)]


def test_small_changes_are_seen_through_and_large_ones_are_not(handed: Path, lab: Lab) -> None:
    write(
        handed,
        ada=OWN,
        bo=OWN + "echo done by me\n",
        cy="\n".join(OWN.splitlines()[:5]) + "\n" + "\n".join(OTHER.splitlines()[4:]),
    )

    ((who, percent),) = alike(handed, lab)
    assert who == {"ada", "bo"}
    assert 90 <= percent < 100


def test_what_the_lab_gives_or_solves_does_not_count(handed: Path, lab: Lab) -> None:
    solution = (lab.folder / "solution/steps/push.sh").read_text()
    write(handed, ada=solution, bo=solution, cy=solution)

    assert alike(handed, lab) == []


def test_short_answers_say_nothing(handed: Path, lab: Lab) -> None:
    write(handed, ada="docker tag a b\ndocker push b\n", bo="docker tag a b\ndocker push b\n")

    assert alike(handed, lab) == []


def test_what_half_of_a_class_writes_is_a_habit(handed: Path, lab: Lab) -> None:
    write(handed, ada=OWN, bo=OWN, cy=OWN, di=OTHER, ed=OWN)

    assert alike(handed, lab) == []


def test_two_submissions_of_one_person_are_not_compared(handed: Path, lab: Lab, tmp_path: Path) -> None:
    from checker.grading.intake import roster

    write(handed, **{"ada-1": OWN, "ada-2": OWN, "bo": OTHER})
    (tmp_path / "class.csv").write_text("identifier\nada\nbo\n")

    assert collect([handed], [lab], roster=roster.read(tmp_path / "class.csv")).alike == ()


def test_groups_are_whole_and_come_in_the_same_order_whatever_the_order_of_the_paths(
    handed: Path, lab: Lab
) -> None:
    write(handed, ada=OWN, bo=OTHER, cy=RENAMED, di=OTHER, ed=OWN)
    paths = sorted(handed.iterdir())

    forth = collect(paths, [lab]).alike
    back = collect(paths[::-1], [lab]).alike

    assert {frozenset(group.paths) for group in forth} == {frozenset(group.paths) for group in back}
    assert [{Path(path).parent.name for path in group.paths} for group in forth] == [{"bo", "di"}]


def test_a_word_is_a_name_unless_the_lab_uses_it(lab: Lab) -> None:
    known = frozenset(["docker", "TOKEN"])

    lines = words('docker push --quiet "$TOKEN/${mine}:1.2" # mine\nx=3; docker rm y\n', known)

    assert lines == [
        ["docker", "w", "--quiet", "$TOKEN", "/", "$", ":", "0"],
        ["w", "=", "0"],
        ["docker", "w", "w"],
    ]


def test_nothing_but_signs_and_a_very_long_line_take_no_time(handed: Path, lab: Lab) -> None:
    write(handed, ada="\\" * 60_000, bo="a" * 10**6, cy="$" * 60_000, di="\n" * 60_000, ed="' # " * 20_000)

    assert alike(handed, lab) == []


def test_a_class_of_three_hundred_is_compared_within_seconds(handed: Path, lab: Lab) -> None:
    import time

    from checker.grading.intake import likeness

    answers = []
    for number in range(300):
        text = OWN + "\n".join(f"cmd{number * n % 97} --flag{n} {n}" for n in range(30))
        answers.append(likeness.ComparedAnswer(f"p{number}", f"p{number}", text))
    began = time.monotonic()

    groups = likeness._groups(lab, "push", answers, [], 90.0)

    assert time.monotonic() - began < 10
    assert all(isinstance(group, Alike) for group in groups)


def test_the_command_lists_what_to_compare_and_judges_nothing(tiny: TinyLab, tmp_path: Path) -> None:
    command = Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")
    write(command.home / "handed", ada=OWN, bo=RENAMED)

    done = command("similar", "handed")

    assert (done.code, done.out.splitlines()) == (
        0,
        [
            "90-tiny push: 100 % the same in",
            "  handed/ada/90-tiny",
            "  handed/bo/90-tiny",
            "Short answers can be alike without anybody copying: read them before you conclude anything.",
        ],
    )
    assert "No answers are alike" in command("similar", "handed/ada").out
