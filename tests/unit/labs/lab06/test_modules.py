"""Lab 06's own modules: reports read and compared, exceptions, schedules, and flaws that are hidden."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

import crontab
import exceptions
from checker.check import CheckFailed
from checker.lab.workspace import Workspace
from comparing import NOT_SAFE, Subject, require_findings, require_report, require_subject
from health import command_of
from hiding import require_nothing_hidden
from reading import URGENT, Found, Malformed, Report, trivy_json

ID, OTHER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
NAME = "ember:1.2.3"


def flaw(
    number: int, package: str = "requests", severity: str = "HIGH", fixed: str = "2.20.0"
) -> dict[str, str]:
    return {
        "VulnerabilityID": f"CVE-2031-{number}",
        "PkgName": package,
        "InstalledVersion": "2.19.1",
        "Severity": severity,
        "FixedVersion": fixed,
    }


FLAWS = [
    flaw(1, severity="CRITICAL"),
    flaw(2),
    flaw(3, severity="MEDIUM"),
    flaw(4, "zlib1g", "CRITICAL", fixed=""),
]


def report(
    *flaws: dict[str, str], image: str = ID, name: str = NAME, layers: tuple[str, ...] = ("x",)
) -> str:
    return json.dumps(
        {
            "SchemaVersion": 2,
            "ArtifactName": name,
            "ArtifactType": "container_image",
            "Metadata": {"ImageID": image, "DiffIDs": layers},
            "Results": [{"Target": "Python", "Type": "python-pkg", "Vulnerabilities": list(flaws)}],
        }
    )


def judge(text: str, severities: frozenset[str] | None = None) -> str:
    """The code of the finding about a report of the image with `FLAWS`; empty if there is none."""
    own = trivy_json(report(*FLAWS))
    subject = Subject(path="r.json", image=NAME, names=frozenset((NAME,)), own=own, again="Scan it.")
    try:
        said: Any = trivy_json(text)
    except Malformed as malformed:
        said = malformed
    try:
        found = require_report(subject, text, said)
        require_subject(subject, found)
        require_findings(subject, found, severities)
    except CheckFailed as failed:
        return failed.finding.code
    return ""


def test_a_true_report_is_believed_in_any_order_and_with_more_in_it() -> None:
    turned = json.loads(report(*reversed(FLAWS)))
    turned["Results"].append({"Target": "secrets", "Class": "secret", "Secrets": None})

    assert judge(json.dumps(turned)) == ""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(report(*FLAWS, image=OTHER, name="busybox:1"), "report-of-another-image", id="copied"),
        pytest.param(report(*FLAWS, image=OTHER), "report-stale", id="of before a rebuild"),
        pytest.param(report(*FLAWS, layers=("y",)), "report-patched-together", id="with the ID put in"),
        pytest.param(report(), "report-empty", id="empty"),
        pytest.param(report(*FLAWS[1:]), "findings-dropped", id="one taken out"),
        pytest.param(report(*FLAWS[:3]), "unfixed-hidden", id="without what has no fix"),
        pytest.param(report(FLAWS[0], *FLAWS[1:2], FLAWS[3]), "severity-hidden", id="urgent ones only"),
        pytest.param(report(*FLAWS, flaw(9)), "findings-invented", id="one more"),
        pytest.param(
            report(flaw(1, severity="LOW"), *FLAWS[1:]), "findings-altered", id="made to look harmless"
        ),
        pytest.param(report(flaw(1), *FLAWS), "findings-altered", id="one twice, with two severities"),
        pytest.param('{"image": "ember", "findings": []}', "report-not-of-trivy", id="by hand"),
        pytest.param("Total: 3 (HIGH: 3)", "report-not-of-trivy", id="a table"),
        pytest.param("[]", "report-not-of-trivy", id="a list"),
        pytest.param(
            report(*FLAWS).replace('"Results": [', '"Results": [7, '), "report-not-of-trivy", id="half JSON"
        ),
    ],
)
def test_a_report_that_is_not_true_is_told_by_what_is_wrong_with_it(text: str, code: str) -> None:
    assert judge(text) == code


def test_an_urgent_report_has_what_is_urgent_and_nothing_else() -> None:
    assert judge(report(FLAWS[0], FLAWS[1], FLAWS[3]), URGENT) == ""
    assert judge(report(*FLAWS), URGENT) == "severity-not-filtered"
    assert judge(report(FLAWS[0], FLAWS[3]), URGENT) == "severity-hidden"


def test_no_finding_speaks_of_nothing_found_without_a_warning() -> None:
    own = trivy_json(report(*FLAWS))
    subject = Subject(path="r.json", image=NAME, names=frozenset(), own=own, again="Scan it.")
    with pytest.raises(CheckFailed) as failed:
        require_findings(subject, trivy_json(report()))

    assert NOT_SAFE in failed.value.finding.action


@pytest.mark.parametrize(
    ("flaws", "severities", "action"),
    [
        (
            FLAWS[:2],
            ("HIGH", "MEDIUM", "CRITICAL"),
            "Ask for --severity CRITICAL,HIGH,MEDIUM, and leave out --ign",
        ),
        ((FLAWS[0], FLAWS[3]), ("HIGH", "CRITICAL"), "Ask for --severity CRITICAL,HIGH. "),
        ((FLAWS[0], FLAWS[1], FLAWS[3]), (), "Leave out --severity. "),
        (FLAWS[:3], (), "Leave out --ignore-unfixed"),
    ],
)
def test_what_left_findings_out_is_named(
    flaws: list[dict[str, str]], severities: tuple[str, ...], action: str
) -> None:
    """The third flaw is MEDIUM here and without a fix in the first case: two options would leave it out."""
    known = [*FLAWS[:2], flaw(3, severity="MEDIUM", fixed="")] if len(severities) == 3 else FLAWS
    subject = Subject(
        path="r.json", image=NAME, names=frozenset(), own=trivy_json(report(*known)), again="Scan it."
    )
    with pytest.raises(CheckFailed) as failed:
        require_findings(subject, trivy_json(report(*flaws)), frozenset(severities) or None)

    assert action in failed.value.finding.action


def test_a_report_of_another_image_of_that_name_claims_nothing_about_the_past() -> None:
    subject = Subject(
        path="r.json", image=NAME, names=frozenset({NAME}), own=trivy_json(report(*FLAWS)), again="Scan it."
    )
    with pytest.raises(CheckFailed) as failed:
        require_subject(subject, trivy_json(report(*FLAWS, image=OTHER)))

    assert "earlier" not in failed.value.finding.observed
    assert OTHER[:19] in failed.value.finding.observed


@pytest.mark.parametrize(
    ("line", "daily"),
    [
        ("17 4 * * * bash sweep.sh", True),
        ("@daily sweep.sh", True),
        ("0 */6 * * * cd /srv && ./sweep.sh", True),
        ("0 0 1-31 jan-dec 0-6 sweep.sh", True),
        ("5 3 * * 1-7 sweep.sh", True),
        ("17 4 * * 1-5 sweep.sh", False),
        ("17 4 */2 * * sweep.sh", False),
        ("17 4 * 1 * sweep.sh", False),
        ("@weekly sweep.sh", False),
        ("@reboot sweep.sh", False),
        ("61 4 * * * sweep.sh", False),
        ("4 * * * sweep.sh", False),
    ],
)
def test_a_line_of_a_crontab_runs_every_day_or_not(line: str, daily: bool) -> None:
    (job,) = crontab.lines(f"# nightly\nMAILTO=nobody\n{line}\n")

    assert "sweep.sh" in job.command or not daily
    assert job.daily is daily


# What cron of Debian 12 takes was tried with `crontab FILE` (3.0pl1-162).
@pytest.mark.parametrize(
    ("text", "daily"),
    [
        ("@daily\tbash sweep.sh", True),
        ("@midnight\t sweep.sh", True),
        ("\t0\t4\t*\t*\t*\tsweep.sh", True),
        ("17 4 * * 1-5 sweep.sh\n30 6 * * 6,0 sweep.sh", True),
        ("17 4 * * Mon-Fri sweep.sh\n30 6 * * SAT,sun sweep.sh", True),
        ("17 4 * * 1-5 sweep.sh\n30 6 * * 6 sweep.sh", False),
        ("0 4 1-15 * * sweep.sh\n0 4 16-31 * * sweep.sh", True),
        ("0 4 1-15 * * sweep.sh\n0 4 16-30 * * sweep.sh", False),
        ("0 4 * 1-6 * sweep.sh\n0 4 * jul-dec * sweep.sh", True),
        ("0 4 1-31/2,2-30/2 * * sweep.sh", True),
        ("0 4 1-31 * 1 sweep.sh", True),  # both are restricted: one is enough
        ("0 4 1 * 0-6 sweep.sh", True),
        ("0 4 */2 * 1-7 sweep.sh", False),  # one begins with a star: both are needed
        ("0 4 1-29 2 * sweep.sh\n0 4 * 1,3-12 * sweep.sh", True),
        ("0 4 1-28 2 * sweep.sh\n0 4 * 1,3-12 * sweep.sh", False),  # leap years
        ("0 4 * * 5-1 sweep.sh", False),  # taken, and never comes
        ("0 4 * * sat-sun sweep.sh", False),
        ("@reboot sweep.sh\n@weekly sweep.sh", False),
    ],
)
def test_the_lines_of_a_crontab_together_run_every_day_or_not(text: str, daily: bool) -> None:
    jobs = crontab.lines(text)

    assert all(job.understood and "sweep.sh" in job.command for job in jobs)
    assert (crontab.first_day_without(jobs) is None) is daily


@pytest.mark.parametrize(
    "line",
    [
        "0 4 * * Monday x", "0 4 * * 8 x", "0 4 * * 1,,2 x", "0 4 * * 1, x", "0 4 */0 * * x", "0 4 L * * x",
        "0 4 ? * * x", "0 24 * * * x", "60 4 * * * x", "17 4 * *", "@every_day x", "@Daily x", "0 4 * * +1 x",
        "every day at four x", "0 4 *-5 * * x",
    ],
)  # fmt: skip
def test_what_cron_refuses_is_not_understood(line: str) -> None:
    (job,) = crontab.lines(line)

    assert not job.understood
    assert not job.daily


def test_a_command_ends_at_a_percent_sign_and_finds_the_settings_above_it() -> None:
    first, second = crontab.lines(
        "A=1\n0 4 * * * date +\\%F; cat%one%two\n# B=2\n\"C\" = 'three'\n0 5 * * * X=4 x\n"
    )

    assert (first.command, first.input, dict(first.settings)) == ("date +%F; cat", "one\ntwo", {"A": "1"})
    assert (second.command, second.input, dict(second.settings)) == ("X=4 x", "", {"A": "1", "C": "three"})


def test_exceptions_are_read_with_their_reasons_and_days(tmp_path: Path) -> None:
    (tmp_path / exceptions.FILE).write_text(
        "vulnerabilities:\n"
        "  - id: CVE-2031-4\n    statement: No fix yet.\n    expired_at: 2031-12-24\n"
        "  - id: CVE-2031-5\n    expired_at: '2031-12-24T10:00:00Z'\n"
        "  - id: CVE-2031-6\n"
    )

    found = exceptions.read(Workspace(tmp_path))

    assert [(entry.id, entry.reason, str(entry.until)) for entry in found] == [
        ("CVE-2031-4", "No fix yet.", "2031-12-24"),
        ("CVE-2031-5", "", "2031-12-24"),
        ("CVE-2031-6", "", "None"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("vulnerabilities: {", "exceptions-unreadable"),
        ("- CVE-2031-4", "exceptions-unreadable"),
        ("vulnerabilities: [CVE-2031-4]", "exceptions-unreadable"),
        ("vulnerabilities: [{id: CVE-2031-4, expired_at: soon}]", "exceptions-unreadable"),
        ("secrets: [{id: github-pat}]", "exceptions-too-wide"),
        (None, "exceptions-missing"),
    ],
)
def test_a_file_of_exceptions_that_cannot_be_used_is_told(
    tmp_path: Path, text: str | None, code: str
) -> None:
    if text is not None:
        (tmp_path / exceptions.FILE).write_text(text)
    with pytest.raises(CheckFailed) as failed:
        exceptions.read(Workspace(tmp_path))

    assert failed.value.finding.code == code


def test_the_clock_of_a_file_of_exceptions_can_be_turned() -> None:
    text = exceptions.expired(exceptions.accepting(["CVE-2031-4"]))

    (entry,) = yaml.safe_load(text)["vulnerabilities"]
    assert entry["id"] == "CVE-2031-4"
    assert entry["expired_at"] < exceptions.today() - timedelta(days=1)


def entry(layer: int, path: str, *, whiteout: bool = False) -> Any:
    return SimpleNamespace(layer=layer, path=path, whiteout=whiteout)


SITE = "usr/lib/python3/dist-packages"
BASE = [entry(0, f"{SITE}/requests/__init__.py"), entry(0, f"{SITE}/requests-2.19.1.dist-info/METADATA")]

Hidden = Callable[..., bool]


@pytest.fixture
def hidden() -> Hidden:
    """Whether a flaw of requests 2.19.1, in the one layer of the first base, is hidden in these files."""

    def it(files: list[Any], *, packages: dict[str, str], layers: tuple[str, ...]) -> bool:
        found = frozenset((Found("CVE-2031-1", "requests", "2.19.1", "HIGH", "2.20.0"),))
        old = Report(name="", kind="", layers=("base",), found=found, python=frozenset(("requests",)))
        new = Report(name="", kind="", layers=layers, packages=frozenset(packages.items()))
        try:
            require_nothing_hidden(old, new, SimpleNamespace(files=lambda: files), NAME)  # type: ignore[arg-type]
        except CheckFailed as failed:
            return failed.finding.code == "flaw-hidden"
        return False

    return it


def test_a_package_whose_record_alone_was_removed_is_hidden(hidden: Hidden) -> None:
    gone = entry(1, f"{SITE}/requests-2.19.1.dist-info", whiteout=True)

    assert hidden([*BASE, gone], packages={}, layers=("base", "more"))


def test_a_record_that_was_raised_while_the_code_stayed_hides_the_flaw(hidden: Hidden) -> None:
    raised = entry(1, f"{SITE}/requests-2.19.1.dist-info/METADATA")

    assert hidden([*BASE, raised], packages={"requests": "2031.1"}, layers=("base", "more"))


def test_a_package_that_was_really_updated_or_removed_hides_nothing(hidden: Hidden) -> None:
    updated = [*BASE, entry(1, f"{SITE}/requests/__init__.py")]
    removed = [*BASE, entry(1, f"{SITE}/requests", whiteout=True)]

    assert not hidden(updated, packages={"requests": "2.32.4"}, layers=("base", "more"))
    assert not hidden(removed, packages={}, layers=("base", "more"))
    assert not hidden([], packages={}, layers=("another",))
    assert not hidden(
        [entry(0, f"{SITE}/pip/_vendor/requests/__init__.py")], packages={}, layers=("another",)
    )
    assert not hidden(BASE, packages={"python3-requests": "2.32.3"}, layers=("another",))


@pytest.mark.parametrize(
    ("config", "command"),
    [
        ({}, []),
        ({"Healthcheck": None}, []),
        ({"Healthcheck": {"Test": ["NONE"]}}, []),
        ({"Healthcheck": {"Test": []}}, []),
        ({"Healthcheck": {"Test": ["CMD", "ask", "8080"]}}, ["ask", "8080"]),
        (
            {"Healthcheck": {"Test": ["CMD-SHELL", "ask 8080 || exit 1"]}},
            ["/bin/sh", "-c", "ask 8080 || exit 1"],
        ),
        (
            {"Healthcheck": {"Test": ["CMD-SHELL", "ask(8080)"]}, "Shell": ["python3", "-c"]},
            ["python3", "-c", "ask(8080)"],
        ),
    ],
)
def test_a_health_check_is_the_command_that_the_engine_runs(
    config: dict[str, Any], command: list[str]
) -> None:
    assert command_of(config) == command
