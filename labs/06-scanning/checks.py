"""Checks of lab 06. The checker scans every image itself, once for all steps, and compares the reports.

What a report says is only compared; what a script printed is not looked at. Scripts that are to work with any
image or any registry are run again, in a copy of the workspace, with images and registries they never saw.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

import exceptions
import gates
import health
import schedule
import stored
from checker.base.model import Service
from checker.check import fail, step
from checker.engine.images import tag_of
from checker.findings import passwords
from checker.findings.up import require_up
from checker.inspect import sarif as sarifschema
from checker.inspect.engineview import EngineView, LocalImage
from checker.inspect.probe import Probe
from checker.inspect.registry import RegistryClient
from checker.inspect.registryimage import RegistryImage
from checker.judge import answers
from checker.judge.kept import Kept
from checker.judge.world import Environment
from checker.lab.workspace import Workspace
from checker.secrets import secretscan
from checker.secrets.ran import Ran
from checker.stack.kinds.roles import RolesView
from checker.stack.operated import API
from checker.stack.trials import Trials
from comparing import Subject, require_findings, require_report, require_subject
from hiding import require_nothing_hidden
from reading import URGENT, Found, Malformed, Marked, Report, materials, sarif, text_of, trivy_json
from sameimage import same_image
from scans import Scans
from scripts import Scripts

Values = Mapping[str, str]
Read = Callable[[str], Report]
"""How a file's text becomes a report. Raises Malformed."""

OLD = "shop-base"
"""The base image with much that is known about it."""


@pytest.fixture(scope="session")
def inside_registry(request: pytest.FixtureRequest, engine: EngineView) -> RolesView:
    view = require_up(request, engine, "inside", API, "/health")
    assert isinstance(view, RolesView)
    return view


@pytest.fixture(scope="session")
def scans(engine: EngineView, environment: Environment, memory: Path | None, kept: Kept) -> Scans:
    place = Workspace(kept.folder)
    answers.make_room(place)
    found = kept.once("scans", lambda: Scans(engine, environment(place), place.path, memory))
    found.look_with(engine)
    return found


@pytest.fixture(scope="session")
def scripts(workspace: Workspace, environment: Environment, scans: Scans) -> Scripts:
    return Scripts(workspace, environment, scans.known)


def require_image(engine: EngineView, name: str, action: str) -> LocalImage:
    image = engine.image(name)
    if image is None:
        fail(
            "image-missing",
            expected=f"The engine has an image {name}.",
            observed="It has none of that name.",
            action=action,
        )
    return image


def require_app(answer_body: str | None, name: str, values: Values, log: str = "") -> None:
    """That an image still does what it is for."""
    if answer_body is None or values["GREETING"] not in answer_body:
        said = f"It answers {answer_body.strip()[:100]!r}." if answer_body else "It does not answer."
        last = log.strip().splitlines()[-1:] if log else []
        fail(
            "app-does-not-answer",
            expected=f"{name} answers on port 8080 with the greeting {values['GREETING']}.",
            observed=f"{said} It printed: {last[0][:160]}" if last else said,
            action="Run it with `docker run --rm --publish 127.0.0.1:8080:8080` and see what it says. A "
            "secure image that does not do its work is no fix.",
        )


def require_answers(probe: Probe, name: str, values: Values, version: str = "") -> None:
    """That an image greets. version: that it was built with, which it shows too."""
    answer = probe.local(name)
    body = answer.body if answer and answer.status == 200 else None
    require_app(body, name, values, answer.log if answer else "")
    if not re.search(rf"(?<![\w.]){re.escape(version)}(?![\w.])", body or ""):
        fail(
            "built-without-the-version",
            expected=f"The page of {name} says that it is version {version}.",
            observed=f"It is {' '.join((body or '').split())[:120]!r}.",
            action=f"Build it with --build-arg VERSION={version}, which is in a variable.",
        )


def reported(workspace: Workspace, path: str, read: Read) -> tuple[str | None, Report | Malformed | None]:
    """Return a file's text and what it says as a report."""
    try:
        text = text_of(workspace, path)
        return text, read(text) if text is not None else None
    except Malformed as malformed:
        return "", malformed


def require_true(
    workspace: Workspace, subject: Subject, read: Read, severities: frozenset[str] | None = None
) -> Report:
    """That a report is there, of this image, and says what a scan says."""
    text, found = reported(workspace, subject.path, read)
    report = require_report(subject, text, found)
    require_subject(subject, report)
    require_findings(subject, report, severities)
    return report


def shop(engine: EngineView, scans: Scans, values: Values) -> tuple[str, Report]:
    """Return the image of the first step, as it went out, and what is known about it."""
    name = f"{values['APP']}:{values['VERSION']}"
    image = require_image(
        engine, name, "Build the folder app under the name $APP:$VERSION: that is the step look."
    )
    base = engine.image(tag_of(OLD))
    assert base is not None, "the base image is gone"
    if image.layers[: len(base.layers)] != base.layers:
        fail(
            "image-not-as-it-went-out",
            expected=f"{name} is built by app/Dockerfile, on {tag_of(OLD)}.",
            observed="It is built on something else.",
            action=AS_IT_IS,
        )
    own = scans.image(name)
    if gone := sorted(scans.base(tag_of(OLD)).found - own.found):
        fail(
            "image-not-as-it-went-out",
            expected=f"{name} is built by app/Dockerfile, and what is known about {tag_of(OLD)} holds for "
            f"it.",
            observed=f"A scan of it does not find {gone[0]}.",
            action=AS_IT_IS,
        )
    return name, own


AS_IT_IS = "Build the folder app as it is, in the step look. What you mend gets files and names of its own."


def subject_of(path: str, name: str, own: Report, again: str) -> Subject:
    return Subject(
        path=path, image=name, names=frozenset((name, f"docker.io/library/{name}")), own=own, again=again
    )


# -------------------------------------------------------------------------------------------- 1 look
# Must catch: a report of another image, of an image that had the name before, by hand, with findings taken
# out, added or changed, with nothing in it, with severities missing or not filtered.
# Must not fail: any order of options, more scanners, a report that lists packages too, a build by any
# builder.
@step("look")
def test_the_reports_say_what_a_scan_of_the_image_says(
    workspace: Workspace, engine: EngineView, probe: Probe, scans: Scans, values: Values
) -> None:
    probe.ahead([f"{values['APP']}:{values['VERSION']}"])  # it starts while it is scanned
    name, own = shop(engine, scans, values)
    require_answers(probe, name, values, values["VERSION"])
    everything = subject_of(
        "reports/all.json", name, own, "Scan $APP:$VERSION with --format json and no --severity."
    )
    require_true(workspace, everything, trivy_json)
    urgent = subject_of(
        "reports/urgent.json",
        name,
        own,
        "Scan $APP:$VERSION with --format json and --severity HIGH,CRITICAL.",
    )
    require_true(workspace, urgent, trivy_json, URGENT)


# ------------------------------------------------------------------------------------------- 2 sarif
# Must catch: what the schema does not allow, another image, other findings, a renamed JSON report.
# Must not fail: `trivy convert`, more runs in one file.
@step("sarif")
def test_the_sarif_is_valid_and_of_the_image(
    workspace: Workspace, engine: EngineView, scans: Scans, values: Values
) -> None:
    name, own = shop(engine, scans, values)
    again = "Scan $APP:$VERSION with --format sarif and --severity HIGH,CRITICAL."
    subject = subject_of("reports/urgent.sarif", name, own, again)
    text, found = reported(workspace, subject.path, sarif)
    report = require_report(subject, text, found)
    if problem := sarifschema.problem(text or ""):
        fail(
            "sarif-invalid",
            expected=f"{subject.path} follows the schema of SARIF 2.1.0.",
            observed=problem,
            action=f"Keep what Trivy writes, as it writes it. {again}",
        )
    require_subject(subject, report)
    require_findings(subject, report, URGENT)


# -------------------------------------------------------------------------------------------- 3 gate
# Must catch: a gate that is always open or always shut, that takes a broken scanner for findings or for none,
# that looks at one of the two severities or at one kind of packages, that does not read exceptions, or takes one
# of them for all, that lets through what has no fix.
# Must not fail: any way to write it, a second tool that reads a report, messages of any kind.
@step("gate")
def test_the_gate_tells_findings_from_a_broken_scanner(
    workspace: Workspace, scans: Scans, scripts: Scripts, trials: Trials, values: Values
) -> None:
    if workspace.read("gate.sh") is None:
        fail(
            "gate-missing",
            expected="There is a script gate.sh in the workspace.",
            observed="There is none.",
            action="Let steps/gate.sh write it, for example with a here-document.",
        )
    ended = gates.codes(scripts, scans, trials.throwaway, values)
    gates.require_gate(ended, int(values["FOUND"]))


# --------------------------------------------------------------------------------------------- 4 fix
# Must catch: a version that has a known, mended flaw; an app that does not answer any more; a flaw that was
# hidden from the scanner and not mended; a report of the time before the last build.
# Must not fail: a newer base, a newer package, another base, an app that does without a package.
@step("fix")
def test_what_can_be_mended_is_mended(
    workspace: Workspace,
    engine: EngineView,
    probe: Probe,
    registry: RegistryClient,
    scans: Scans,
    values: Values,
) -> None:
    name = f"{values['APP']}:{values['NEXT_VERSION']}"
    require_new_dockerfile(workspace, "app/Dockerfile", "app/fixed.Dockerfile")
    require_image(engine, name, "Build the folder app with your new Dockerfile under that name.")
    own = scans.image(name)
    left = sorted(one for one in own.of(URGENT) if one.fixed)
    if left:
        fail(
            "not-mended",
            expected=f"Nothing HIGH or CRITICAL that has a fix is left in {name}.",
            observed=f"There is {left[0]}, which is {left[0].severity} and mended in {left[0].fixed}.",
            action="Look where the package comes from: a newer base image brings a newer one.",
        )
    require_answers(probe, name, values, values["NEXT_VERSION"])
    again = "Scan $APP:$NEXT_VERSION with --format json and no --severity."
    require_true(workspace, subject_of("reports/fixed.json", name, own, again), trivy_json)
    pushed = require_pushed(registry, values["APP"], values["NEXT_VERSION"])
    digest = registry.digest(values["APP"], values["NEXT_VERSION"])
    if not same_image(engine.image(name), pushed, digest):
        fail(
            "pushed-another-image",
            expected=f"{values['REGISTRY']}/{name} is the image that was scanned, {own.image_id[:19]}….",
            observed=f"It is {pushed.config_digest[:19]}….",
            action="Tag and push after the last build. What was not scanned should not go out.",
        )
    require_nothing_hidden(scans.base(tag_of(OLD)), own, pushed, name)


def require_new_dockerfile(workspace: Workspace, given: str, new: str) -> None:
    """That what is mended has a Dockerfile of its own, and the one that the lab came with says what it said."""
    text, shipped = workspace.read(given), (Path(__file__).parent / "starter" / given).read_text("utf-8")
    if text is None or instructions(text) != instructions(shipped):
        fail(
            "dockerfile-changed",
            expected=f"{given} is as it went out: it is the record of that.",
            observed="It was changed." if text is not None else "It is not there.",
            action=f"Put it back as it was, and write what you mend into {new}.",
        )
    if workspace.read(new) is None:
        fail(
            "new-dockerfile-missing",
            expected=f"There is a file {new}, and the image is built with it.",
            observed="There is no such file.",
            action=f"Write it, and build with `docker build --file {new}`.",
        )


def instructions(text: str) -> list[str]:
    """Return the lines of a Dockerfile that are no remarks, without blanks at their ends."""
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def require_pushed(registry: RegistryClient, repository: str, tag: str) -> RegistryImage:
    image = registry.image(repository, tag)
    if image is None:
        fail(
            "not-pushed",
            expected=f"{registry.address}/{repository}:{tag} is in the registry.",
            observed=f"Of {repository}, the registry has the tags "
            f"{', '.join(registry.tags(repository)) or 'none'}.",
            action=f"Give the image the name {registry.address}/{repository}:{tag} with `docker tag`, and "
            f"push that.",
        )
    return image


# ------------------------------------------------------------------------------------------ 5 ignore
# Must catch: no reason, no expiry, one that is over or too far away, an entry for what can be mended or is
# not
# there, a gate that does not look at the file or at its dates.
# Must not fail: entries with paths or purls, any reason, any order, a date as text.
@step("ignore")
def test_what_is_left_is_accepted_in_writing_and_for_a_while(
    workspace: Workspace, engine: EngineView, scans: Scans, scripts: Scripts, values: Values
) -> None:
    name = f"{values['APP']}:{values['NEXT_VERSION']}"
    require_image(engine, name, "Build it in the step fix.")
    own = scans.image(name)
    urgent = {one.id for one in own.of(URGENT) if not one.fixed}
    entries = exceptions.read(workspace)
    today, latest = exceptions.today(), int(values["REVIEW_DAYS"])
    for entry in entries:
        if entry.id not in urgent:
            known = {one.id: one for one in own.found}
            seen = (
                "is not found there" if entry.id not in known else f"is {known[entry.id].severity}, or mended"
            )
            fail(
                "exception-for-something-else",
                expected=f"{exceptions.FILE} has what is HIGH or CRITICAL in {name} and has no fix, and "
                f"nothing else.",
                observed=f"It has {entry.id}, which {seen}.",
                action="Take it out: an entry that is not needed hides what comes back.",
            )
        if len(entry.reason) < exceptions.SHORTEST:
            fail(
                "exception-without-a-reason",
                expected=f"The entry for {entry.id} says why this can wait, in its statement.",
                observed=f"It says {entry.reason!r}." if entry.reason else "It says nothing.",
                action="Write a sentence that somebody can check a month from now.",
            )
        if entry.until is None:
            fail(
                "exception-without-an-expiry",
                expected=f"The entry for {entry.id} has a day on which it ends, in expired_at.",
                observed="It has none, so it hides the finding for ever.",
                action=f"Give it a date, at most {latest} days from today.",
            )
        if entry.until <= today:
            fail(
                "exception-expired",
                expected=f"The entry for {entry.id} ends after today.",
                observed=f"It ended on {entry.until}, so the finding is back and the gate is shut.",
                action="Look at the finding again. If it still has no fix, give it a new date and say why.",
            )
        if (entry.until - today).days > latest:
            fail(
                "exception-too-long",
                expected=f"The entry for {entry.id} ends at most {latest} days from today.",
                observed=f"It ends on {entry.until}, {(entry.until - today).days} days from today.",
                action="Choose a nearer day: an exception is a promise to look again.",
            )
    if missing := sorted(urgent - {entry.id for entry in entries}):
        fail(
            "gate-still-shut",
            expected=f"All that is HIGH or CRITICAL in {name} and has no fix is in {exceptions.FILE}.",
            observed=f"{missing[0]} is not.",
            action="Add it, with a reason and a day. reports/fixed.json has all of them.",
        )
    text = workspace.read(exceptions.FILE) or ""
    trials = scripts.side_by_side(
        {
            "now": lambda: scripts.gate(name, text),
            "later": lambda: scripts.gate(name, exceptions.expired(text)),
        }
    )
    bites = int(values["FOUND"]) if entries else 0
    gates.require_code(
        trials["now"], "gate-still-shut", 0, f"{name}, with what {exceptions.FILE} accepts",
        f"Run `bash gate.sh {name}` and see what it still finds.",
    )  # fmt: skip
    gates.require_code(
        trials["later"], "expired-exception-does-not-bite", bites,
        f"{name}, once all days in {exceptions.FILE} are over",
        f"Let the gate take exceptions from {exceptions.FILE} only, and have no other option in it that "
        f"hides findings.",
    )  # fmt: skip


# -------------------------------------------------------------------------------------------- 6 sbom
# Must catch: a list of another image, a list that was shortened, a scan of the image in place of the list.
# Must not fail: CycloneDX or SPDX, a list of another tool that has all of it.
@step("sbom")
def test_the_list_is_complete_and_was_scanned(
    workspace: Workspace, engine: EngineView, scans: Scans, values: Values
) -> None:
    name, own = shop(engine, scans, values)
    again = "Write it with `trivy image --format cyclonedx` (or spdx-json) of $APP:$VERSION."
    subject = subject_of("reports/sbom.json", name, own, again)
    text, found = reported(workspace, subject.path, materials)
    listed = require_report(subject, text, found)
    if own.image_id not in listed.digests:
        fail(
            "report-of-another-image",
            expected=f"reports/sbom.json is of {name}, {own.image_id[:19]}….",
            observed=f"It is of {listed.name or 'something'}, and does not have the ID of that image.",
            action=again,
        )
    packages = {(package.lower(), version) for package, version in listed.packages}
    missing = sorted(one for one in own.packages if (one[0].lower(), one[1]) not in packages)
    if missing:
        fail(
            "list-incomplete",
            expected=f"reports/sbom.json lists every package in {name}.",
            observed=f"{' '.join(missing[0])} is not there.",
            action=f"Take nothing out of it: what is not listed is never found. {again}",
        )
    rescan = "Scan the list: `trivy sbom --format json --output reports/from-sbom.json reports/sbom.json`."
    subject = subject_of("reports/from-sbom.json", name, own, rescan)
    text, found = reported(workspace, subject.path, trivy_json)
    report = require_report(subject, text, found)
    if report.kind not in ("cyclonedx", "spdx"):
        fail(
            "list-not-scanned",
            expected="reports/from-sbom.json comes from a scan of reports/sbom.json.",
            observed=f"It comes from a scan of a {report.kind.replace('_', ' ')}, {report.name}.",
            action=rescan,
        )
    require_findings(subject, report)


# ----------------------------------------------------------------------------------------- 7 secrets
# Must catch: a report of another image or with the secret taken out; a secret in any layer, setting or line
# of
# history of what was pushed, in any spelling; a page that is not made with the token.
# Must not fail: several stages, secrets of BuildKit, a flattened image, another base.
@step("secrets")
def test_the_secret_was_found_and_is_gone(
    workspace: Workspace,
    engine: EngineView,
    probe: Probe,
    registry: RegistryClient,
    scans: Scans,
    values: Values,
) -> None:
    leaky = f"{values['APP']}-leaky:{values['VERSION']}"
    require_image(engine, leaky, "Build the folder leaky as it is, under that name.")
    own = scans.image(leaky)
    if not own.secrets:
        fail(
            "leaky-image-mended",
            expected=f"{leaky} is built by leaky/Dockerfile as it is, and its token lies in a layer.",
            observed="No secret is in it.",
            action="Leave leaky/Dockerfile as it is: what you mend gets a file and a name of its own.",
        )
    again = f"Scan {leaky} with --scanners secret and --format json."
    subject = subject_of("reports/secrets.json", leaky, own, again)
    text, found = reported(workspace, subject.path, trivy_json)
    report = require_report(subject, text, found)
    require_subject(subject, report)
    if missing := sorted(own.secrets - report.secrets):
        fail(
            "secret-not-reported",
            expected=f"reports/secrets.json has what a scan for secrets finds in {leaky}.",
            observed=f"{described(missing[0])} is not there.",
            action=again,
        )
    repository, tag = f"{values['APP']}-clean", values["VERSION"]
    require_new_dockerfile(workspace, "leaky/Dockerfile", "leaky/clean.Dockerfile")
    built = require_image(engine, f"{repository}:{tag}", "Build leaky/clean.Dockerfile under that name.")
    pushed = require_pushed(registry, repository, tag)
    if pushed.diff_ids != built.layers:
        fail(
            "pushed-another-image",
            expected=f"{values['REGISTRY']}/{repository}:{tag} is the image {repository}:{tag} of the engine.",
            observed="Their layers differ.",
            action="Tag and push after the last build.",
        )
    token = values["DOWNLOAD_TOKEN"]
    needle = secretscan.exact("the token", token)
    for image in registry.images(repository, tag):
        if hit := secretscan.in_image(image, (needle,)):
            fail(
                "secret-still-there",
                expected=f"Nothing in {repository}:{tag} has the token: no layer, no setting, no line of "
                f"its history.",
                observed=f"It has {hit.what} in {hit.place}.",
                action="Build the page in a first stage, and copy only the page into the last one. In real "
                "life the token is burnt as soon as it was pushed, and has to be revoked.",
            )
    answer = probe.remote(repository, tag)
    made = hashlib.sha256(f"{token}\n".encode()).hexdigest()
    require_app(answer.body if answer and answer.status == 200 else None, f"{repository}:{tag}", values)
    if answer is None or made not in answer.body:
        fail(
            "page-made-without-the-token",
            expected="The page has what the download with the token gave: the second line of the leaky "
            "image's page.",
            observed=f"The page is {answer.body.strip()[:100] if answer else ''!r}.",
            action="Do all that leaky/Dockerfile does with the token, in a stage that is not kept.",
        )


def described(marked: Marked) -> str:
    return f"{marked.rule} in {marked.target}"


# -------------------------------------------------------------------------------------- 8 dockerfile
# Must catch: a report of another file, rules that are switched off by a remark, an image that still runs as
# root, a health check that is never content, or always.
# Must not fail: any user, any health check that notices when nothing answers, more instructions.
@step("dockerfile")
def test_the_dockerfile_was_checked_and_mended(
    workspace: Workspace, engine: EngineView, probe: Probe, scans: Scans, trials: Trials, values: Values
) -> None:
    given, mended = workspace.read("app/Dockerfile"), workspace.read("app/hardened.Dockerfile")
    again = "Run `trivy config --format json --output reports/dockerfile.json app/Dockerfile`."
    checked = scans.dockerfiles(
        {"given": given or "", "mended": mended or "", "plain": without_remarks(mended or "")}
    )
    own = checked["given"]
    if not own:
        fail(
            "dockerfile-changed",
            expected="app/Dockerfile is as it went out.",
            observed="It is not there, or nothing is found in it any more.",
            action="Put it back as it was: what you mend goes into app/hardened.Dockerfile.",
        )
    subject = subject_of("reports/dockerfile.json", "app/Dockerfile", Report(name="", kind=""), again)
    text, found = reported(workspace, subject.path, trivy_json)
    report = require_report(subject, text, found)
    rules = {one.rule for one in report.faults}
    if rules != own:
        which = sorted(own - rules) or sorted(rules - own)
        fail(
            "report-of-another-file",
            expected="reports/dockerfile.json has what a check of app/Dockerfile finds.",
            observed=f"{which[0]} is "
            f"{'missing there' if own - rules else 'there, and not found in that file'}.",
            action=again,
        )
    if mended is None:
        fail(
            "hardened-dockerfile-missing",
            expected="There is a file app/hardened.Dockerfile.",
            observed="There is none.",
            action="Write it: the lines of app/Dockerfile, with what was found mended.",
        )
    if checked["mended"]:
        fail(
            "misconfiguration-left",
            expected="Nothing is found in app/hardened.Dockerfile.",
            observed=f"{sorted(checked['mended'])[0]} is found there.",
            action="reports/dockerfile.json explains each rule, under Resolution. An empty report does not "
            "mean that all is well: these are only the rules that somebody wrote down.",
        )
    if checked["plain"]:
        fail(
            "rule-switched-off",
            expected="What was found is mended in app/hardened.Dockerfile.",
            observed=f"A remark tells the scanner not to look at {sorted(checked['plain'])[0]}.",
            action="Take the remark out, and mend what it hides.",
        )
    name = f"{values['APP']}:{values['VERSION']}-hardened"
    image = require_image(engine, name, "Build the folder app with app/hardened.Dockerfile under that name.")
    user = str(image.config.get("User") or "").partition(":")[0]
    if user in ("", "0", "root"):
        fail(
            "runs-as-root",
            expected=f"{name} runs as somebody who is not root.",
            observed=f"Its user is {user or 'not set, which is root'}.",
            action="Build it with --file app/hardened.Dockerfile.",
        )
    require_answers(probe, name, values)
    health.require_health(trials.throwaway, probe, image, name)


def without_remarks(text: str) -> str:
    return re.sub(r"(?m)^\s*#.*(?:trivy|tfsec):ignore.*$", "#", text)


# ------------------------------------------------------------------------------------------ 9 remote
# Must catch: a scan of the engine's copy, with the account that may push, of what the tag named before; a
# password on a command line or in a file.
# Must not fail: a login in docker's configuration, a scan by digest.
@step("remote")
def test_the_stored_image_was_scanned_without_the_engine(
    workspace: Workspace,
    engine: EngineView,
    inside_registry: RolesView,
    scans: Scans,
    values: Values,
    ran: Ran,
) -> None:
    name, own = shop(engine, scans, values)
    repository, tag = f"{values['TEAM']}/{values['APP']}", values["VERSION"]
    reference = f"{values['INSIDE']}/{repository}:{tag}"
    accounts = [(values[f"{who}_USER"], values[f"{who}_PASSWORD"]) for who in ("PUBLISHER", "SCANNER")]
    for path in ("steps/remote.sh", "steps/airgap.sh"):
        passwords.in_answer(path, workspace, accounts, ran)
    pushed = inside_registry.registry.image(repository, tag)
    if pushed is None:
        fail(
            "not-pushed",
            expected=f"{reference} is in the registry inside.",
            observed="That registry has no image of this name.",
            action="Log in as $PUBLISHER_USER, tag $APP:$VERSION with that name, and push it.",
        )
    again = "Scan it with `trivy image --image-src remote --format json --output reports/remote.json`."
    # A scan of what a registry holds calls it by its configuration; a scan of the engine's, by the engine's number.
    there = msgspec.structs.replace(own, image_id=pushed.config_digest)
    subject = Subject(
        path="reports/remote.json", image=reference, names=frozenset((reference,)), own=there, again=again
    )
    text, found = reported(workspace, subject.path, trivy_json)
    report = require_report(subject, text, found)
    if not same_image(engine.image(name), pushed, inside_registry.registry.digest(repository, tag)):
        fail(
            "pushed-another-image",
            expected=f"{reference} is {name}, {own.image_id[:19]}….",
            observed=f"It is {pushed.config_digest[:19]}….",
            action="Push $APP:$VERSION there as it is now, and scan that.",
        )
    if report.image_id and report.image_id != there.image_id and report.name == reference:
        fail(
            "report-of-another-digest",
            expected=f"{subject.path} is of what the tag {tag} names now, {there.image_id[:19]}….",
            observed=f"It is of {report.image_id[:19]}…, which that tag named before.",
            action=f"A tag can be moved; a report is of one digest. {again}",
        )
    require_subject(subject, report)
    require_findings(subject, report)
    readers = {
        event.actor
        for event in inside_registry.events()
        if event.action == "pull" and event.method != "HEAD" and event.repository == repository
        and event.digest in (pushed.digest, pushed.config_digest) and not event.user_agent.startswith(ENGINES)
    } & dict(accounts).keys()  # fmt: skip
    if not readers:
        fail(
            "engine-was-used",
            expected=f"The scanner fetched {repository}:{tag} from the registry inside.",
            observed="No scanner has fetched it from there: the report is of the engine's copy.",
            action=again,
        )
    if values["SCANNER_USER"] not in readers:
        fail(
            "scanned-with-too-many-rights",
            expected=f"{values['SCANNER_USER']}, who may only pull, fetched {repository}:{tag} for the scan.",
            observed=f"It was fetched by {values['PUBLISHER_USER']}, who may push as well.",
            action="Log out with `docker logout $INSIDE`, and give the scanner its own account in "
            "TRIVY_USERNAME and TRIVY_PASSWORD.",
        )


ENGINES = ("docker/", "containerd", "libpod", "Buildah", "buildkit")
"""How the clients of engines begin to call themselves."""


# ---------------------------------------------------------------------------------------- 10 schedule
# Must catch: a list of names in the script, tags or repositories that are left out, a report of what a tag
# named
# before, one failure that ends all, no schedule or one that leaves days out.
# Must not fail: any way to ask the registry, reports on what is no image, any time of the day, @daily.
@step("schedule")
def test_every_stored_tag_has_a_true_report(
    workspace: Workspace,
    registry: RegistryClient,
    scans: Scans,
    scripts: Scripts,
    trials: Trials,
    values: Values,
) -> None:
    if workspace.read("sweep.sh") is None:
        fail(
            "sweep-missing",
            expected="There is a script sweep.sh in the workspace.",
            observed="There is none.",
            action="Let steps/schedule.sh write it and run it once.",
        )
    for repository in registry.repositories():
        for tag in registry.tags(repository):
            image = registry.image(repository, tag)
            if image is None or image.document.get("rootfs") is None:
                continue
            path = f"reports/stored/{repository}/{tag}.json"
            name = f"{registry.address}/{repository}:{tag}"
            subject = Subject(
                path=path,
                image=name,
                names=frozenset((name,)),
                own=scans.stored(registry.address, image),
                again="Run sweep.sh again; every day something new is stored.",
            )
            require_true(workspace, subject, trivy_json)
    require_sweep(scans, scripts, trials)
    schedule.require_daily(workspace, scripts)


def require_sweep(scans: Scans, scripts: Scripts, trials: Trials) -> None:
    """That the script finds by itself what is in a registry that it has never seen."""
    trial = trials.start(Service(name="trial", kind="registry"))
    client = trial.view("trial")
    assert isinstance(client, RegistryClient)
    images = stored.fill(int(client.address.rpartition(":")[2]), python_packages(scans.base(tag_of(OLD))))
    texts = scripts.sweep(client.address, [image.report for image in images])
    missing = [image for image in images if texts.get(image.report) is None]
    if missing and all(
        scripts.sweep(client.address, [image.report for image in images], engine=True).values()
    ):
        fail(
            "sweep-needs-the-engine",
            expected="sweep.sh scans straight from the registry: without an engine it makes the same reports.",
            observed=f"Without an engine it made no report {missing[0].report}; with one it did.",
            action="Pull nothing. Scan $REGISTRY/REPOSITORY:TAG with --image-src remote.",
        )
    if missing:
        fail(
            "sweep-knows-only-its-own" if len(missing) == len(images) else "sweep-leaves-out",
            expected="sweep.sh asks the registry in $REGISTRY what it has, and scans every tag of it.",
            observed=f"In a registry with {len(images)} images and something that is no image, it made no "
            f"report {missing[0].report}.",
            action="Take repositories from /v2/_catalog and tags from /v2/NAME/tags/list, and go on after a "
            "scan that failed.",
        )
    for image in images:
        try:
            report = trivy_json(texts[image.report] or "")
        except Malformed as malformed:
            report, why = Report(name="", kind=""), str(malformed)
        else:
            why = f"It is of {report.name}, {report.image_id[:19]}…."
        if report.image_id != image.image_id or not image.found <= report.found:
            fail(
                "sweep-reports-something-else",
                expected=f"In another registry, sweep.sh writes what a scan of {image.name} says to "
                f"{image.report}.",
                observed=why if report.image_id != image.image_id else "Findings are missing in it.",
                action="Scan $REGISTRY/REPOSITORY:TAG with --image-src remote and --format json, and hide "
                "nothing.",
            )


def python_packages(report: Report) -> dict[tuple[str, str], frozenset[Found]]:
    """Name and version of each Python package with findings -> these."""
    known: dict[tuple[str, str], set[Found]] = {}
    for one in report.found:
        if one.package in report.python:
            known.setdefault((one.package, one.installed), set()).add(one)
    return {key: frozenset(found) for key, found in known.items()}


# ------------------------------------------------------------------------------------------ 11 airgap
# Must catch: another artifact, one that the scanner cannot use, a scan with the database that the lab laid
# out.
# Must not fail: any tool that copies artifacts, another manifest around the same layer.
@step("airgap")
def test_the_database_came_from_the_mirror(
    workspace: Workspace,
    engine: EngineView,
    vendor: RegistryClient,
    inside_registry: RolesView,
    scans: Scans,
    values: Values,
) -> None:
    name, own = shop(engine, scans, values)
    repository = f"{values['TEAM']}/trivy-db"
    place = f"{values['INSIDE']}/{repository}:2"
    given, mirrored = vendor.image("trivy-db", "2"), inside_registry.registry.image(repository, "2")
    assert given is not None, "the vendor's registry has no database"
    again = "Copy it with `skopeo copy`, from $VENDOR/trivy-db:2."
    if mirrored is None:
        fail(
            "database-not-mirrored",
            expected=f"{place} is the database, in the registry inside.",
            observed="There is nothing of that name.",
            action=again,
        )
    if mirrored.layers != given.layers:
        fail(
            "mirror-differs",
            expected=f"{place} has the one layer of the database, as it is at $VENDOR/trivy-db:2.",
            observed="Its layers are others, or of another media type, and Trivy refuses those.",
            action=f"It is no image, so do not rebuild it. {again}",
        )
    fresh = "Scan with --db-repository and the name of the mirror, and a --cache-dir that is empty yet."
    layer = given.layers[0].digest
    fetched = [
        event
        for event in inside_registry.events()
        if event.action == "pull" and event.repository == repository and event.digest == layer
        and event.method != "HEAD" and event.actor in (values["SCANNER_USER"], values["PUBLISHER_USER"])
    ]  # fmt: skip
    if not fetched:
        fail(
            "mirror-not-used",
            expected=f"The scanner fetched its database from {place}.",
            observed="Nobody has fetched it from there.",
            action=fresh,
        )
    if all(event.actor != values["SCANNER_USER"] for event in fetched):
        fail(
            "database-fetched-with-too-many-rights",
            expected=f"{values['SCANNER_USER']}, who may only pull, fetched the database.",
            observed=f"It was fetched by {fetched[-1].actor}, who may push as well.",
            action="Give the scanner its own account in TRIVY_USERNAME and TRIVY_PASSWORD.",
        )
    require_true(workspace, subject_of("reports/airgap.json", name, own, fresh), trivy_json)
