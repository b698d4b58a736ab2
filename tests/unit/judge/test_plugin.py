"""What becomes of checks: four outcomes, never mixed, whatever a check does."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.base.errors import BrokenLab
from checker.base.results import Outcome, StepReport
from checker.judge import pytestrun
from checker.judge.plugin import CheckPlugin
from checker.judge.world import World
from checker.lab.catalog import Catalog
from checker.lab.workspace import Workspace
from tests.helpers import TinyLab

HEAD = """\
from checker.check import fail, step
from checker.base.errors import ContentFault, ServiceFault


def no():
    fail("no", expected="Yes.", observed="No.", action="Do.")
"""
ALL_WELL = {"push": "pass", "pin": "pass", "note": "pass"}

Judge = Callable[..., dict[str, StepReport]]


@pytest.fixture
def judge(tiny: TinyLab, tmp_path: Path) -> Judge:
    """Runs the checks of the tiny lab with bodies per step, `pass` where none is given."""

    def it(
        *,
        wanted: str = "push pin note",
        honour_needs: bool = True,
        text: str | None = None,
        known: dict[str, Outcome] | None = None,
        **bodies: str,
    ) -> dict[str, StepReport]:
        checks = [
            f"@step({name!r})\ndef test_{name}():\n    {bodies.get(name, 'pass')}\n"
            for name in ("push", "pin", "note")
        ]
        tiny.write("checks.py", "\n\n".join([HEAD, *checks]) if text is None else text)
        nothing: Any = None
        world = World(
            values={"WORD": "ember"},
            workspace=Workspace(tmp_path),
            services={},
            connection=nothing,
            engine=nothing,
            probe=nothing,
            trials=nothing,
            kept=nothing,
        )
        lab = Catalog(tiny.root).lab("90")
        names = frozenset(wanted.split())

        def work() -> tuple[StepReport, ...]:
            return plugin.look(world, names, honour_needs=honour_needs, known=known or {})

        plugin = CheckPlugin(lab, (), work)
        pytestrun.run(Catalog(tiny.root).lab("90"), plugin)
        return {report.step: report for report in plugin.result()}

    return it


def outcomes(reports: dict[str, StepReport]) -> dict[str, str]:
    return {name: str(report.outcome) for name, report in reports.items()}


def test_checks_that_return_pass(judge: Judge) -> None:
    reports = judge()

    assert outcomes(reports) == ALL_WELL
    assert (reports["push"].points, reports["push"].max_points) == (5, 5)


def test_a_finding_is_the_learners_and_keeps_its_words(judge: Judge) -> None:
    reports = judge(note="no()")

    (finding,) = reports["note"].findings
    assert outcomes(reports) == ALL_WELL | {"note": "fail"}
    assert (finding.code, finding.expected, finding.observed, finding.action) == ("no", "Yes.", "No.", "Do.")
    assert (reports["note"].points, reports["note"].max_points) == (0, 2)


def test_a_step_whose_need_fails_is_skipped_and_says_which(judge: Judge) -> None:
    reports = judge(push="no()", pin="raise ValueError")

    assert outcomes(reports) == {"push": "fail", "pin": "skipped", "note": "pass"}
    assert reports["pin"].reason == "Step push is not done yet."
    assert (reports["pin"].points, reports["pin"].max_points) == (0, 3)


def test_what_is_known_of_a_need_is_not_looked_at_again(judge: Judge) -> None:
    passed = judge(wanted="pin", push="raise ValueError", known={"push": Outcome.PASS})
    failed = judge(wanted="pin", known={"push": Outcome.FAIL})

    assert outcomes(passed) == {"pin": "pass"}
    assert outcomes(failed) == {"pin": "skipped"}


def test_one_session_looks_as_often_as_it_is_asked_and_makes_fixtures_anew(
    tiny: TinyLab, tmp_path: Path
) -> None:
    made = (
        "import pytest\n\n\n@pytest.fixture(scope='session')\ndef word(values):\n    return values['WORD']\n"
    )
    check = '\n\n@step("note")\ndef test_note(word):\n    if word != "ember":\n        no()\n'
    tiny.write("checks.py", HEAD + made + check)
    nothing: Any = None

    def look(word: str) -> str:
        world = World(
            values={"WORD": word}, workspace=Workspace(tmp_path), services={}, connection=nothing,
            engine=nothing, probe=nothing, trials=nothing, kept=nothing,
        )  # fmt: skip
        [seen] = plugin.look(world, frozenset({"note"}), honour_needs=True, known={})
        return str(seen.outcome)

    plugin = CheckPlugin(
        Catalog(tiny.root).lab("90"), (), lambda: [look(word) for word in ("ember", "ash", "ember")]
    )
    pytestrun.run(Catalog(tiny.root).lab("90"), plugin)

    assert plugin.result() == ["pass", "fail", "pass"]


def test_needs_are_not_honoured_where_the_author_says_so(judge: Judge) -> None:
    assert outcomes(judge(push="no()", honour_needs=False)) == ALL_WELL | {"push": "fail"}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ServiceFault('It is gone.', 'Start it.')", "It is gone. Start it."),
        ("raise ValueError('an oversight')", "The check test_push is broken: ValueError: an oversight"),
        ("raise ValueError", "ValueError"),
        ("assert 1 == 2, 'of the lab'", "AssertionError: of the lab"),
        ("raise SystemExit(0)", "SystemExit"),
        ("raise BaseException('odd')", "BaseException: odd"),
        ("import no_such_module", "ModuleNotFoundError"),
    ],
)
def test_whatever_else_goes_wrong_is_an_error_and_costs_nothing(judge: Judge, body: str, reason: str) -> None:
    reports = judge(push=body)

    assert reports["push"].outcome is Outcome.ERROR
    assert reason in reports["push"].reason
    assert (reports["push"].points, reports["push"].max_points) == (0, 0)
    assert reports["push"].findings == ()
    assert reports["note"].outcome is Outcome.PASS


def test_an_error_costs_no_points_in_the_steps_that_need_it_either(judge: Judge) -> None:
    reports = judge(push="raise ServiceFault('It is gone.', 'Start it.')", pin="no()")

    assert outcomes(reports) == {"push": "error", "pin": "error", "note": "pass"}
    assert reports["pin"].reason == (
        "Step push, which this one needs, could not be checked. It is gone. Start it."
    )
    assert reports["pin"].max_points == 0


def test_an_image_that_cannot_be_read_is_its_pushers_fault(judge: Judge) -> None:
    reports = judge(push="raise ContentFault('Layer 1 is no archive.', 'Push again.')")

    (finding,) = reports["push"].findings
    assert reports["push"].outcome is Outcome.FAIL
    assert "Layer 1 is no archive." in finding.observed


def test_a_step_of_several_checks_passes_if_all_do_and_tells_all_that_do_not(judge: Judge) -> None:
    more = '\n\n@step("note")\ndef test_more():\n    no()\n\n\n@step("note")\ndef test_most():\n    pass\n'
    checks = '@step("{0}")\ndef test_{0}():\n    {1}\n'
    text = HEAD + "".join(
        checks.format(*pair) for pair in (("push", "pass"), ("pin", "pass"), ("note", "no()"))
    )

    reports = judge(text=text + more)

    assert outcomes(reports) == ALL_WELL | {"note": "fail"}
    assert len(reports["note"].findings) == 2


def test_an_error_beside_a_finding_is_an_error(judge: Judge) -> None:
    text = HEAD + '@step("note")\ndef test_a():\n    no()\n\n\n@step("note")\ndef test_b():\n    1 / 0\n'

    reports = judge(text=text, wanted="note")

    assert outcomes(reports) == {"note": "error"}
    assert reports["note"].findings == ()


def test_one_step_is_judged_with_what_it_needs_and_reported_alone(judge: Judge) -> None:
    assert outcomes(judge(push="no()", note="1 / 0", wanted="pin")) == {"pin": "skipped"}


def test_a_step_without_a_check_is_the_labs_fault(judge: Judge) -> None:
    reports = judge(text=HEAD + '@step("push")\ndef test_push():\n    pass\n')

    assert outcomes(reports) == {"push": "pass", "pin": "error", "note": "error"}
    assert "no check for this step" in reports["note"].reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("import no_such_module\n", "ModuleNotFoundError"),
        (HEAD + '@step("pull")\ndef test_x():\n    pass\n', "test_x is of no step of this lab (pull)"),
        (HEAD + "def test_x():\n    pass\n", "test_x is of no step of this lab (no step named)"),
        ("", "no check for this step"),
    ],
)
def test_checks_that_make_no_sense_are_the_labs_fault(judge: Judge, text: str, reason: str) -> None:
    reports = judge(text=text)

    assert set(outcomes(reports).values()) == {"error"}
    assert reason in reports["push"].reason


def test_no_checks_at_all_is_a_broken_lab(tiny: TinyLab) -> None:
    plugin: Any = None
    (tiny.folder / "checks.py").unlink()

    with pytest.raises(BrokenLab, match=r"checks\.py is missing"):
        pytestrun.run(Catalog(tiny.root).lab("90"), plugin)


FIXTURE = """
import pytest


@pytest.fixture
def lamp(values):
    return values["WORD"]
"""
USES_LAMP = """

@step("note")
def test_note(lamp):
    assert lamp == "ember"
"""


def test_fixtures_of_the_labs_own_are_there(judge: Judge, tiny: TinyLab) -> None:
    tiny.write("fixtures.py", FIXTURE)

    assert outcomes(judge(wanted="note", text=HEAD + USES_LAMP)) == {"note": "pass"}


def test_fixtures_that_the_lab_asks_for_are_there(
    judge: Judge, tiny: TinyLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lamps_of_others.py").write_text(FIXTURE)
    monkeypatch.syspath_prepend(tmp_path)
    tiny.edit("lab.toml", 'version = "1"', 'version = "1"\nfixtures = ["lamps_of_others"]')

    assert outcomes(judge(wanted="note", text=HEAD + USES_LAMP)) == {"note": "pass"}


@pytest.mark.parametrize("text", ["raise RuntimeError('no lamp')", "import a_module_that_nobody_has", "def"])
def test_fixtures_that_cannot_be_read_are_a_broken_lab(judge: Judge, tiny: TinyLab, text: str) -> None:
    tiny.write("fixtures.py", text)

    with pytest.raises(BrokenLab, match=r"The fixtures fixtures of lab 90-tiny cannot be read"):
        judge()


def test_an_interrupt_goes_through(judge: Judge) -> None:
    with pytest.raises(KeyboardInterrupt):
        judge(push="raise KeyboardInterrupt")


def test_checks_are_read_anew_each_time_in_one_process(judge: Judge) -> None:
    assert outcomes(judge(push="no()"))["push"] == "fail"
    assert outcomes(judge(push="pass # now it does not fail"))["push"] == "pass"


def test_two_labs_in_one_process_have_their_own_checks(judge: Judge, tiny: TinyLab, tmp_path: Path) -> None:
    other = TinyLab(tmp_path / "other")
    other.write("checks.py", "raise RuntimeError('the checks of another lab')\n")
    nothing: Any = None
    world = World(
        values={},
        workspace=Workspace(tmp_path),
        services={},
        connection=nothing,
        engine=nothing,
        probe=nothing,
        trials=nothing,
        kept=nothing,
    )
    plugin = CheckPlugin(
        Catalog(other.root).lab("90"),
        (),
        lambda: plugin.look(world, frozenset({"note"}), honour_needs=True, known={}),
    )

    here = judge()
    pytestrun.run(Catalog(other.root).lab("90"), plugin)

    assert outcomes(here) == ALL_WELL
    assert "the checks of another lab" in plugin.result()[0].reason


def test_pytest_is_told_nothing_by_its_surroundings(
    judge: Judge, tiny: TinyLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny.folder)
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("PYTEST_PLUGINS", "no_such_plugin")
    tiny.write("conftest.py", "raise SystemExit('conftest')\n")
    tiny.write("pytest.ini", "[pytest]\naddopts = --collect-only\n")

    assert outcomes(judge(push="no()"))["push"] == "fail"
    assert os.environ["PYTEST_ADDOPTS"] == "--collect-only"  # put back as it was


def test_checks_get_what_they_ask_for(judge: Judge) -> None:
    text = HEAD + '@step("note")\ndef test_note(values, workspace):\n    assert values["WORD"] == "ember"\n'

    assert outcomes(judge(text=text, wanted="note")) == {"note": "pass"}


def test_a_fixture_there_is_not_is_the_labs_fault(judge: Judge) -> None:
    text = HEAD + '@step("note")\ndef test_note(hub):\n    pass\n'

    reports = judge(text=text, wanted="note")

    assert outcomes(reports) == {"note": "error"}
    assert "hub" in reports["note"].reason
