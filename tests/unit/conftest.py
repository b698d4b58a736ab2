"""Golden files, and the reports that the tests of all renderings share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from checker.base.model import Lab
from checker.base.results import (
    AnswerRun,
    AnswerText,
    Finding,
    LabReport,
    Outcome,
    Report,
    StepReport,
    Versions,
)
from checker.lab import workspace
from checker.lab.catalog import Catalog
from checker.lab.workspace import Workspace
from tests.helpers import TinyLab

GOLDEN = Path(__file__).parent / "golden"

HOSTILE = (
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07 \x1b]0;never ended "
    "[red]markup[/red] [link=http://evil.example]x[/link] :skull: "
    "<script>alert(1)</script> <img src=x onerror=alert(1)> &lt; "
    "| cell || `code` ``` **bold** _it_ ~~no~~ $x^2$ # h "
    "[text](http://evil.example) ![i](http://evil.example/i.png) http://evil.example www.evil.example "
    "a@evil.example @octocat @org/team #1 GH-2 ]]> --> <!-- \x00 \x07 \x08 \x7f \x9b31m \udc80 \ufffe "
    '\u202egnp.exe\u202c \u2066iso\u2069 \u200b \ufeff \U000e0041 =HYPERLINK("http://evil.example";"x")\r\n'
    "::error::spoofed\n  ::add-mask::pass\n##[add-path]/tmp/x\n%0A%25 a,b:c\n"
    "# heading\n- list\n1. list\n> quote\n===\n</pre></details></section>\noverwritten\rshown"
)
"""Everything that means something to some format. Renderings have to show it and obey none of it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str | bytes], None]:
    """Compare with a file in `golden/`; refresh all by `pytest tests/unit --update-golden`."""

    def compare(name: str, made: str | bytes) -> None:
        data = made.encode() if isinstance(made, str) else made
        path = GOLDEN / name
        if request.config.getoption("--update-golden", default=False):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        refresh = "run `pytest tests/unit --update-golden` and read the difference before you commit it"
        assert path.exists(), f"no golden file {path}: {refresh}"
        assert data.decode() == path.read_bytes().decode(), f"{name} has changed: {refresh}"

    return compare


@pytest.fixture
def lab(tiny: TinyLab) -> Lab:
    """The tiny lab as it is read."""
    return Catalog(tiny.root).lab("90")


@pytest.fixture
def place(lab: Lab, tmp_path: Path) -> Workspace:
    """A new workspace of the tiny lab."""
    made = Workspace(tmp_path / "workspace" / lab.name)
    workspace.create(lab, made)
    return made


@pytest.fixture
def sample() -> LabReport:
    """One workspace with every outcome in it."""
    return LabReport(
        lab="01-names-and-tags",
        title="Names and tags",
        path="submissions/zoë/01-names-and-tags",
        seconds=6.25,
        warnings=("The submission holds conftest.py. It had no effect.",),
        versions=Versions(lab="1.0", checker="0.1.0", engine="Docker 20.10.24", registry="2.8.2"),
        steps=(
            StepReport(
                step="references",
                title="Write references in full",
                outcome=Outcome.PASS,
                points=10,
                max_points=10,
                seconds=0.01,
            ),
            StepReport(
                step="build",
                title="Build the app and run it",
                outcome=Outcome.PASS,
                points=10,
                max_points=10,
                seconds=0.42,
                written=AnswerText(
                    path="steps/build.sh", text='docker build --tag "$APP:dev" . && echo <done>\n'
                ),
                answer=AnswerRun(exit_code=0, seconds=0.8, output="Successfully tagged shop:dev\n"),
            ),
            StepReport(
                step="release",
                title="Tag a release",
                outcome=Outcome.FAIL,
                points=0,
                max_points=15,
                seconds=0.06,
                findings=(
                    Finding(
                        code="tags-differ",
                        expected="The tags 1.4.2, 1.4, 1 and latest of amber-otter/shop name one image.",
                        observed="1.4.2, 1 and latest name sha256:4f5a6b3c. "
                        "The tag 1.4 names sha256:9d0c1e2f, which is the image of 1.4.1.",
                        action="Tag the image you built for 1.4.2 as 1.4 as well, and push that tag.",
                    ),
                ),
                answer=AnswerRun(
                    exit_code=1, seconds=1.2, output="The push refers to repository\ndenied: no such tag\n"
                ),
            ),
            StepReport(
                step="promote",
                title="Promote one image through the environments",
                outcome=Outcome.SKIPPED,
                points=0,
                max_points=15,
                reason="The step release is not done.",
            ),
            StepReport(
                step="slim",
                title="Make it small",
                outcome=Outcome.ERROR,
                points=0,
                max_points=0,
                reason="The registry stopped answering at 127.0.0.1:5000.",
            ),
        ),
    )


@pytest.fixture
def sample_report(sample: LabReport) -> Report:
    return Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=(sample,))


@pytest.fixture
def class_report(sample: LabReport) -> Report:
    """Three workspaces: one with everything in it, one perfect, one that could not be checked."""
    done = LabReport(
        lab=sample.lab,
        title=sample.title,
        path="submissions/ada/01-names-and-tags",
        steps=sample.steps[:2],
        versions=sample.versions,
        seconds=3.5,
    )
    broken = LabReport(
        lab=sample.lab,
        title=sample.title,
        path="submissions/bo/01-names-and-tags",
        steps=(),
        versions=Versions(),
        error="The engine stopped answering. Start it and grade again.",
    )
    return Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=(sample, done, broken))


@pytest.fixture
def hostile_report() -> Report:
    """A report whose every free text is hostile."""
    run = AnswerRun(exit_code=1, seconds=1.0, output=HOSTILE, truncated=True)
    finding = Finding(code="bad-tag", expected=HOSTILE, observed=HOSTILE, action=HOSTILE)

    def step(name: str, outcome: Outcome, points: int) -> StepReport:
        return StepReport(
            step=name,
            title=HOSTILE,
            outcome=outcome,
            points=0,
            max_points=points,
            findings=(finding,) if outcome is Outcome.FAIL else (),
            reason=HOSTILE,
            written=AnswerText(path=HOSTILE, text=HOSTILE, truncated=True),
            answer=run,
        )

    steps = (step("one", Outcome.FAIL, 10), step("two", Outcome.SKIPPED, 10), step("three", Outcome.ERROR, 0))
    result = LabReport(
        lab="01-x",
        title=HOSTILE,
        path=HOSTILE,
        steps=steps,
        versions=Versions(lab=HOSTILE, engine=HOSTILE),
        warnings=(HOSTILE,),
        error=HOSTILE,
    )
    return Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=(result, result))


@pytest.fixture
def hostile() -> str:
    return HOSTILE
