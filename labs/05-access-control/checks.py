"""Checks of lab 05. What is allowed is tried on a server on trial that is given the learner's file; what was
done is read from the learner's own server: its log, its events, when it ran.

Nothing here asks the learner's own registry for an image: that would be an event, and stand in their audit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import NoReturn

import pytest

import access as accessrecord
import audit as audittrail
import rolesfile
from access import Record, is_image, named
from checker.check import fail, step
from checker.findings import passwords
from checker.findings.tagnames import beside
from checker.inspect.engineview import EngineView
from checker.lab.workspace import Workspace
from checker.secrets.ran import Ran
from checker.stack.kinds.roles import RolesView
from checker.stack.operated import RegistryNotification
from checker.stack.trials import Trials
from reach import beyond, examples
from rolematrix import Row, Tried, rows
from roletrial import NOBODY, RoleTrial
from tokentricks import Tricks

Values = Mapping[str, str]
Accounts = list[tuple[str, str]]

FILE = "access/registry-rbac.conf"
ROLES = ("admin", "developer", "cicd", "readonly")
AUDITOR = "auditor"
EVENTS = "/events"


@dataclass(frozen=True)
class Places:
    """The repositories that the steps are about; the last two are no business of the four roles."""

    app: str
    tool: str
    other: str
    """One more app of the team, which nothing names."""
    archive: str
    neighbour: str
    likeness: str
    """Of a team whose name begins like the learner's."""


@pytest.fixture(scope="session")
def places(values: Values) -> Places:
    team, app = values["TEAM"], values["APP"]
    return Places(
        f"{team}/{app}",
        f"{team}/{values['TOOL']}",
        f"{team}/{values['NEIGHBOUR']}",
        f"{team}/archive/{app}",
        f"{values['NEIGHBOUR']}/{app}",
        f"{team}5/{app}",
    )


@pytest.fixture(scope="session")
def record(roles: RolesView, engine: EngineView) -> Record:
    return accessrecord.read(roles, engine)


@pytest.fixture(scope="session")
def accounts(values: Values) -> Accounts:
    """The run's own accounts, with their passwords."""
    names = [role.upper() for role in (*ROLES, AUDITOR)]
    return [(values[f"{name}_USER"], values[f"{name}_PASSWORD"]) for name in names]


@pytest.fixture(scope="session")
def in_force(roles: RolesView, engine: EngineView, workspace: Workspace) -> bytes:
    """The learner's file, once their own server goes by it."""
    return rolesfile.in_force(roles, engine, workspace, FILE)


@pytest.fixture(scope="session")
def on_trial(in_force: bytes, trials: Trials) -> RoleTrial:
    assert in_force is not None  # only what the learner's own server goes by is tried
    return RoleTrial(trials, FILE, (*ROLES, AUDITOR))


def others(wrong: Sequence[Tried]) -> str:
    """Return what else is wrong, after the first."""
    rest = [tried.row.what for tried in wrong[1:]]
    if not rest:
        return ""
    more = f" and {len(rest) - 4} more" if len(rest) > 4 else ""
    return f" {len(wrong)} rows are wrong; the others: {', '.join(rest[:4])}{more}."


def what_row_says(row: Row) -> str:
    verb = {"list": "list all repositories"}.get(row.action) or f"{row.action} in {row.repository}"
    return f"Somebody with the role {row.role} {'may' if row.allowed else 'must not'} {verb}."


# --------------------------------------------------------------------------------------- 1 roles
# Must catch: a file that is missing, refused or not the one in force; a role that is missing or called
# otherwise; an action too many or too few; push without pull; everybody may list everything.
# Must not fail: more roles than these, any order, several pairs, comments, CRLF, names in full instead of
# patterns, `**`, a role already cut down to its scope by the next step.
@step("roles")
def test_four_roles_have_their_rights(on_trial: RoleTrial, places: Places, roles: RolesView) -> None:
    rights = {"admin": "pull push delete", "developer": "pull push", "cicd": "pull push", "readonly": "pull"}
    wanted = rows(ROLES, places.app, rights) + rows((*ROLES, NOBODY), "", {"admin": "list"}, ("list",))
    wrong = on_trial.wrong(wanted)
    written = roles.rules().roles
    for role in ROLES:
        if wrong and role not in written:
            fail(
                "role-missing",
                expected=f"{FILE} has the roles {', '.join(ROLES)}.",
                observed=f"There is no role {role}. It has: {', '.join(written) or 'none'}.",
                action=f"Write a block `role {role} {{ ... }}`. The accounts are bound to these very names.",
            )
    if wrong:
        row = wrong[0].row
        fail(
            f"{row.role}-{'cannot' if row.allowed else 'can'}-{row.action}",
            expected=what_row_says(row),
            observed=f"Tried for real: {wrong[0]}.{others(wrong)}",
            action=what_to_do(row),
        )


def what_to_do(row: Row) -> str:
    if row.action == "list":
        return (
            f"Give {row.role} the line `registry` with the right to the catalogue."
            if row.allowed
            else f"Take the right to the catalogue from {row.role}: names of repositories tell a lot."
        )
    if not row.allowed:
        return (
            f"Look for every line in the role {row.role} whose pattern matches {row.repository}, and take "
            f"{row.action} away there. What no rule allows is denied."
        )
    both = " The registry asks for pull and push when something is pushed." if row.action == "push" else ""
    return (
        f"The role {row.role} needs a pair of lines: `repositories` with a pattern that matches "
        f"{row.repository}, then `actions` with {row.action} among them.{both}"
    )


# --------------------------------------------------------------------------------------- 2 scope
# Must catch: stars that reach the archive, another app, another team, a team whose name begins alike; a pattern
# for anything the table does not have; a role cut too short, which names two apps where any is meant.
# Must not fail: the full name of the one app that cicd releases, one pair or several, what the later steps open on
# purpose (readonly in the archive, the auditor), all below the team for the administrator.
@step("scope")
def test_each_role_reaches_no_further_than_its_work(
    on_trial: RoleTrial, places: Places, roles: RolesView, values: Values
) -> None:
    everything = "pull push delete"
    other_apps = {"admin": everything, "developer": "pull push", "readonly": "pull"}
    written = [role for name, role in roles.rules().roles.items() if name in ROLES]
    wanted: list[tuple[str, list[Row]]] = [
        ("neighbour-reached", rows(ROLES, places.neighbour, {})),
        ("likeness-reached", rows(ROLES, places.likeness, {})),
        ("archive-reached", rows(("admin", "developer", "cicd"), places.archive, {"admin": everything})),
        ("other-app-reached", rows(ROLES, places.tool, other_apps) + rows(ROLES, places.other, other_apps)),
        *beyond(examples(written), values["TEAM"], places.app, other_apps, ROLES),
    ]
    wrong = on_trial.wrong([row for _, some in wanted for row in some])
    too_far = [tried for tried in wrong if tried.seen]
    if too_far:
        row = too_far[0].row
        code = next(code for code, some in wanted if row in some)
        fail(
            code,
            expected=what_row_says(row),
            observed=f"Tried for real: {too_far[0]}.{others(too_far)}",
            action=what_to_do(row)
            + " One star stays between two slashes, two stars cross them, and a star after a name matches "
            "all names that begin with it.",
        )
    if wrong:
        fail(
            "scope-too-narrow",
            expected=what_row_says(wrong[0].row),
            observed=f"Tried for real: {wrong[0]}.{others(wrong)}",
            action=what_to_do(wrong[0].row),
        )
    # The rows hold, so nobody gets there by the front door; nor may anybody by a trick.
    account = on_trial.accounts["developer"]
    for trick in Tricks(on_trial.address, account, on_trial.operator, places.app, places.neighbour).all():
        assert trick.held, trick
    nobody: list[Row] = rows((NOBODY,), places.app, {})
    assert on_trial.wrong(nobody) == []


# -------------------------------------------------------------------------------------- 3 denied
# Must catch: no push tried, tried as somebody else or with a wrong password, tried where nobody would get in
# anyway, a push that went through.
# Must not fail: any client, any tag, tries before the last one that went through while the file was wrong.
@step("denied")
def test_the_readonly_account_was_refused(
    record: Record, places: Places, values: Values, workspace: Workspace, accounts: Accounts, ran: Ran
) -> None:
    developer, readonly = values["DEVELOPER_USER"], values["READONLY_USER"]
    pushed = {event.digest for event in record.images("push", places.app, developer)}
    if not pushed:
        by = sorted({event.actor for event in record.images("push", places.app)})
        fail(
            "developer-never-pushed",
            expected=f"{developer} pushed an image to {places.app}.",
            observed=f"Images came from {', '.join(by)}." if by else "Nobody pushed an image there.",
            action="Log in as $DEVELOPER_USER and push an image to $REPOSITORY.",
        )
    tries = record.asked(readonly, places.app, "push")
    if not tries:
        no_push_tried(record, places, readonly)
    if "push" in named(tries[-1].granted, places.app):
        fail(
            "push-not-denied",
            expected=f"{readonly} is refused when it pushes to {places.app}.",
            observed=f"The last time it asked, at {tries[-1].at}, the server gave it {tries[-1].granted[0]}.",
            action="Let the role readonly pull and nothing else, then push as $READONLY_USER again.",
        )
    if not pushed & {event.digest for event in record.images("pull", places.app, readonly)}:
        fail(
            "readonly-never-pulled",
            expected=f"{readonly} pulled the image that {developer} had pushed: what it may do works.",
            observed="The registry's events have no such pull.",
            action="Pull the developer's image as $READONLY_USER before you try to push.",
        )
    passwords.in_answer("steps/denied.sh", workspace, accounts, ran)


def no_push_tried(record: Record, places: Places, readonly: str) -> NoReturn:
    """Say what was tried instead."""
    tries = [
        entry for entry in record.log if any("push" in scope.split(":")[-1] for scope in entry.requested)
    ]
    expected = f"{readonly}, signed in with its password, tried to push to {places.app} and was refused."
    if [entry for entry in record.log if entry.account == readonly and entry.credential == "bad"]:
        fail(
            "wrong-password",
            expected=expected,
            observed=f"The server's log has {readonly} with a wrong password, and no try to push with the "
            "right one. Who is not let in at all learns nothing about roles.",
            action="Hand over $READONLY_PASSWORD with `printf %s`, so that no line end goes with it.",
        )
    if elsewhere := [entry for entry in tries if entry.account == readonly]:
        fail(
            "push-tried-elsewhere",
            expected=expected,
            observed=f"It asked for {elsewhere[-1].requested[0]}.",
            action="Push to $REPOSITORY, where it may pull: then only the action can be what is refused.",
        )
    strangers = sorted({entry.account or "nobody in particular" for entry in tries})
    fail(
        "no-push-tried",
        expected=expected,
        observed=f"Only {', '.join(strangers)} asked the server for a push."
        if strangers
        else "Nobody asked the server for a push.",
        action="Log in as $READONLY_USER with `docker login`, then `docker push` to $REPOSITORY.",
    )


# ------------------------------------------------------------------------------------- 4 release
# Must catch: pushed by another account, nothing deleted, deleted by another account, two names for one image
# so that both are gone, passwords on command lines.
# Must not fail: any client, several tries, other tags beside these, an index instead of a manifest.
@step("release")
def test_released_by_the_pipeline_withdrawn_by_the_administrator(
    record: Record,
    places: Places,
    roles: RolesView,
    values: Values,
    workspace: Workspace,
    accounts: Accounts,
    ran: Ran,
) -> None:
    cicd, admin = values["CICD_USER"], values["ADMIN_USER"]
    last = {
        tag: pushed_last(record, places.app, tag, cicd) for tag in (values["VERSION"], values["NEXT_VERSION"])
    }
    kept, withdrawn = last
    tags = roles.registry.tags(places.app)
    deleted = record.images("delete", places.app)
    if withdrawn in tags:
        fail(
            "not-withdrawn",
            expected=f"The tag {withdrawn} is gone from {places.app}, and its manifest with it.",
            observed=f"The repository has the tags {', '.join(tags)}."
            + (
                ""
                if not deleted
                else f" Deleted was {deleted[-1].digest}, which is not what {withdrawn} names."
            ),
            action="Ask for the digest behind the tag with an Accept header of the manifest's own type, and "
            "send DELETE for that digest with a token that holds delete.",
        )
    if kept not in tags:
        same = last[kept].digest == last[withdrawn].digest
        fail(
            "release-deleted-too",
            expected=f"The tag {kept} is still in {places.app}.",
            observed=f"The repository has {', '.join(tags) or 'no tags'}."
            + (f" {kept} and {withdrawn} named one image, {last[kept].digest}." if same else ""),
            action="A deletion takes the manifest with all its tags. Push two images that differ, in a label "
            "for instance, and delete only the digest of the second.",
        )
    by = {event.actor for event in deleted if event.digest == last[withdrawn].digest}
    if admin not in by:
        fail(
            "withdrawn-by-another",
            expected=f"{admin} deleted the manifest of {withdrawn}.",
            observed=f"It was {', '.join(sorted(by))}." if by else "No event says who deleted it.",
            action="Ask for the token as $ADMIN_USER; no other role should get the action delete.",
        )
    passwords.in_answer("steps/release.sh", workspace, accounts, ran)


def pushed_last(record: Record, repository: str, tag: str, account: str) -> RegistryNotification:
    """Return the last push of a tag, which has to be this account's."""
    pushes = record.images("push", repository, tag=tag)
    if not pushes:
        seen = sorted({event.tag for event in record.images("push", repository) if event.tag})
        fail(
            "release-not-pushed",
            expected=f"{account} pushed {repository}:{tag}.",
            observed=f"Pushed there so far: {', '.join(seen) or 'nothing'}.{beside(tag, seen)}",
            action="Push both versions to $REPOSITORY while $CICD_USER is logged in.",
        )
    if pushes[-1].actor != account:
        fail(
            "release-by-another",
            expected=f"{account} pushed {repository}:{tag}.",
            observed=f"{pushes[-1].actor} did, at {pushes[-1].at}.",
            action="`docker login` as $CICD_USER first: the login that is there when you push is the one "
            "that counts, and it is still the one from the step before.",
        )
    return pushes[-1]


# -------------------------------------------------------------------------------------- 5 change
# Must catch: the archive still closed, or opened too far; no try before or after the change, or only one while
# the archive was empty; a restart in between.
# Must not fail: the role written anew or a line added, tries in any number, a restart long before or after.
@step("change")
def test_a_role_changed_while_the_server_ran(
    record: Record,
    on_trial: RoleTrial,
    places: Places,
    values: Values,
    workspace: Workspace,
    accounts: Accounts,
    ran: Ran,
) -> None:
    admin, readonly = values["ADMIN_USER"], values["READONLY_USER"]
    wrong = on_trial.wrong(rows(("readonly",), places.archive, {"readonly": "pull"}))
    if wrong:
        row = wrong[0].row
        fail(
            "archive-still-closed" if row.allowed else "change-too-wide",
            expected=what_row_says(row),
            observed=f"Tried for real: {wrong[0]}.{others(wrong)}",
            action=what_to_do(row),
        )
    if not record.images("push", places.archive, admin):
        fail(
            "archive-empty",
            expected=f"{admin} pushed an image to {places.archive}.",
            observed="Nobody pushed one there as that account.",
            action="Log in as $ADMIN_USER and push an image to $ARCHIVE: there has to be something to pull.",
        )
    filled = min(event.at for event in record.images("push", places.archive, admin))
    asked = record.asked(readonly, places.archive, "pull")
    before = [entry for entry in asked if "pull" not in named(entry.granted, places.archive)]
    after = [entry for entry in asked if entry not in before]
    expected = (
        f"{readonly} asked to pull {places.archive} and was refused; then the file changed, and when it "
        "asked again it was let in, all without the server being restarted."
    )
    if not before:
        fail(
            "never-refused-before",
            expected=expected,
            observed=f"The server's log has {len(asked)} such requests, and it never refused one.",
            action="Try to pull from $ARCHIVE as $READONLY_USER while the role readonly does not reach it, "
            "and change the file only then.",
        )
    pairs = [(old, new) for old, new in product(before, after) if old.seq < new.seq]
    if not pairs:
        fail(
            "never-tried-after",
            expected=expected,
            observed=f"It was refused at {before[-1].at} and did not get in after that.",
            action="Pull from $ARCHIVE as $READONLY_USER once more, after the file was changed.",
        )
    if not any(record.unbroken(old.at, new.at) for old, new in pairs):
        fail(
            "server-restarted",
            expected=expected,
            observed=f"Between {pairs[-1][0].at} and {pairs[-1][1].at} the server was started anew, at "
            f"{record.periods[-1].started}.",
            action="Leave the server alone: it reads the file whenever somebody asks for a token. A restart "
            "cuts off everybody who is just pulling. Close the role, try, and open it while the server runs.",
        )
    if not any(datetime.fromisoformat(filled) < datetime.fromisoformat(old.at) for old, _ in pairs):
        fail(
            "refused-before-there-was-anything",
            expected=f"{admin} pushed to {places.archive} first; then {readonly} tried to pull it and was refused.",
            observed=f"The first push was at {filled}, and it was refused at {before[-1].at}: before that there was "
            "nothing to be refused.",
            action="Push first. To see it refused again, close the role, pull from $ARCHIVE, and open the role.",
        )
    if not record.images("pull", places.archive, readonly):
        fail(
            "archive-never-pulled",
            expected=f"{readonly} pulled an image out of {places.archive}.",
            observed="It asked for a token, and then fetched no image.",
            action="Pull the tag that is there: `docker pull` with the very name you pushed.",
        )
    passwords.in_answer("steps/change.sh", workspace, accounts, ran)


# --------------------------------------------------------------------------------------- 6 audit
# Must catch: an auditor who cannot read or can do more, a record that others may read, lines that are made
# up, changed or left out, a password in a file.
# Must not fail: any order of lines and columns, more columns, quotes or none, times cut to the second, layers
# listed as well, events that came after the file was written.
@step("audit")
def test_the_record_is_read_by_the_auditor_alone(
    on_trial: RoleTrial, places: Places, roles: RolesView
) -> None:
    reads = {role: audittrail.status(on_trial.api, on_trial.accounts[role]) for role in (*ROLES[1:], AUDITOR)}
    if reads[AUDITOR] != 200:
        has = (
            "has no role auditor" if AUDITOR not in roles.rules().roles else "gives it no right to the record"
        )
        fail(
            "auditor-cannot-read",
            expected="Somebody with the role auditor may read the record of events.",
            observed=f"Asked for /events, the server answered {reads[AUDITOR]}: {FILE} {has}.",
            action="Write a role auditor with the line `registry audit`.",
        )
    if open_to := [role for role in ROLES[1:] if reads[role] == 200]:
        fail(
            "record-open-to-others",
            expected="Of developer, cicd, readonly and auditor, only the auditor may read the record.",
            observed=f"The server showed it to {', '.join(open_to)} too.",
            action="Take the right audit away from every role that does not need it.",
        )
    known = [places.app, places.archive, places.tool, places.neighbour]
    theirs = [name for name in examples([roles.rules().roles.get(AUDITOR, {})]) if name not in known]
    wanted = [row for name in (*known, *theirs) for row in rows((AUDITOR,), name, {})]
    wrong = on_trial.wrong([*wanted, *rows((AUDITOR,), "", {}, ("list",))])
    if wrong:
        fail(
            "auditor-can-more",
            expected="The auditor reads the record and can do nothing else.",
            observed=f"Tried for real: {wrong[0]}.{others(wrong)}",
            action="Leave only the right audit in that role: who checks should not be among the checked.",
        )


@step("audit")
def test_the_audit_agrees_with_the_events(
    record: Record,
    places: Places,
    values: Values,
    workspace: Workspace,
    accounts: Accounts,
    ran: Ran,
    history: tuple[str, ...],
) -> None:
    text = workspace.read("audit.csv")
    if text is None:
        fail(
            "audit-missing",
            expected="A file audit.csv in the workspace.",
            observed="There is none.",
            action="Let the answer write it from what $API answers for /events.",
        )
    try:
        lines = audittrail.read(text)
    except audittrail.NoTrail as problem:
        fail(
            "audit-unreadable",
            expected=f"audit.csv begins with a line that names the columns {', '.join(audittrail.COLUMNS)}.",
            observed=str(problem),
            action="Write that line with echo first, then one line for each event.",
        )
    strange = [line for line in lines if not audittrail.told(line, record.events)]
    if strange:
        fail(
            "audit-not-true",
            expected="Every line of audit.csv is an event of the registry.",
            observed=f"Line {strange[0].number} is none: {strange[0]}. "
            f"{len(strange)} of {len(lines)} are like that.",
            action="Take at, actor, action, repository and digest from the server's answer as they are.",
        )
    names = {name for name, _ in accounts}
    done = [event for event in record.events if event.actor in names and is_image(event) and event.digest]
    newest = max((audittrail.told(line, record.events)[-1].seq for line in lines), default=0)
    missing = [event for event in done if event.seq <= newest and not audittrail.listed(event, lines)]
    steps = [
        (values["DEVELOPER_USER"], "push", places.app),
        (values["CICD_USER"], "push", places.app),
        (values["ADMIN_USER"], "delete", places.app),
        (values["READONLY_USER"], "pull", places.archive),
    ]
    for actor, action, repository in steps:
        if not any(
            (line.actor, line.action, line.repository) == (actor, action, repository) for line in lines
        ):
            missing += [
                event
                for event in done
                if (event.actor, event.action, event.repository) == (actor, action, repository)
            ]
    if missing:
        event = missing[0]
        fail(
            "audit-incomplete",
            expected="audit.csv has a line for each manifest that was pushed, pulled or deleted.",
            observed=f"{len(missing)} of {len(done)} are missing, such as: {event.at} {event.actor} "
            f"{event.action} {event.repository} {event.digest[:19]}…",
            action="Leave out layers only. A deletion has no media type: keep it by its action.",
        )
    auditor = values["AUDITOR_USER"]
    if not any(
        (entry.account, entry.endpoint, entry.outcome) == (auditor, EVENTS, "granted") for entry in record.log
    ):
        asked = sorted({entry.account for entry in record.log if entry.endpoint == EVENTS} - {""})
        fail(
            "audit-by-another",
            expected=f"{auditor} asked the server for the events and got them.",
            observed=f"Only {', '.join(asked)} asked for them."
            if asked
            else "Nobody asked for them by name.",
            action="Hand $AUDITOR_USER and $AUDITOR_PASSWORD to curl for http://$API/events.",
        )
    passwords.in_answer("steps/audit.sh", workspace, accounts, ran)
    passwords.in_files(workspace, accounts)
    passwords.in_history(history)
