"""What is unsafe in a workflow, told by its text alone (GitHub Docs, "Secure use reference").

None of it keeps the workflow from running; each is a concern of its own, with the line it stands in.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from checker.looks.workflowfile import Job, Step, Workflow, expressions

UNTRUSTED = re.compile(
    r"github\.(?:head_ref|event\.(?:"
    r"issue\.(?:title|body)|discussion\.(?:title|body)|comment\.body|review\.body|review_comment\.body|"
    r"pull_request\.(?:title|body|head\.(?:ref|label|repo\.default_branch))|"
    r"workflow_run\.(?:head_branch|head_commit\.message|head_commit\.author\.(?:name|email))|"
    r"head_commit\.(?:message|author\.(?:name|email))|"
    r"commits(?:\[\d+\]|\.\*|\.\d+)*\.(?:message|author\.(?:name|email))|"
    r"pages(?:\[\d+\]|\.\*)*\.page_name))\b"
)
"""Contexts that anybody who can open an issue or a pull request fills with what they like."""
COMMIT = re.compile(r"[0-9a-f]{40}")
VERSION = re.compile(r"v?\d+(\.\d+)*([-+.][0-9A-Za-z.-]+)?")
NAMED_SECRET = re.compile(r"pass(word|wd)?$|token$|secret$|api_?key$|credential", re.IGNORECASE)
SECRET_SHAPES = re.compile(
    r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,}|AKIA[0-9A-Z]{16}|"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|glpat-[\w-]{20,}"
)
PASSWORD_OPTION = re.compile(
    r"docker\s+login\b[^\n|;&]*?(?:\s-p[=\s]?|\s--password[=\s])\s*(?P<given>\"[^\"]*\"|'[^']*'|\S+)"
)
ECHOED = re.compile(r"^\s*(?:echo|printf)\b(?P<rest>.*)$", re.MULTILINE)
SECRET = re.compile(r"\bsecrets(?:\.([A-Za-z_]\w*)|\[\s*'([^']+)'\s*\])")
IN_LOG = "workflow-secret-in-log"


class Concern(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Something unsafe. code: as in a finding. what: a sentence on what stands there. action: what to do."""

    path: str
    line: int
    code: str
    what: str
    action: str


def concerns(path: str, workflow: Workflow, needles: Mapping[str, str] | None = None) -> list[Concern]:
    """Everything unsafe, in the order of the lines. needles: name -> value of what may not stand there."""
    found: list[Concern] = list(_permissions(path, workflow))
    for scope in (workflow.env, *(job.env for job in workflow.jobs)):
        found += _env(path, 1, scope)
    for job in workflow.jobs:
        for step in job.steps:
            found += _step(path, workflow, job, step, needles or {})
    return sorted(set(found))


def secrets_named(workflow: Workflow) -> dict[str, int]:
    """The secrets that steps and jobs name, with the first line where each does."""
    found: dict[str, int] = {}
    for job in workflow.jobs:
        for step in job.steps:
            texts = (step.run, step.condition, *step.given.values(), *step.env.values())
            for text in (*texts, *job.env.values(), *workflow.env.values()):
                for expression in expressions(text):
                    for name in SECRET.findall(expression):
                        found.setdefault(name[0] or name[1], step.line)
    return found


def mutable(version: str) -> bool:
    """Whether what stands behind the @ is a branch: neither a version nor a commit."""
    return not COMMIT.fullmatch(version) and not VERSION.fullmatch(version)


def _permissions(path: str, workflow: Workflow) -> Iterator[Concern]:
    for job in workflow.jobs:
        said = workflow.permissions if job.permissions is None else job.permissions
        if said is None:
            yield Concern(
                path=path,
                line=job.line,
                code="workflow-without-permissions",
                what=f"Nothing says what the token of the job {job.name} may do, so it may do what the "
                "repository's settings allow.",
                action="Add permissions at the top with contents: read, and more only where it is needed.",
            )
        elif said.get("*") == "write":
            yield Concern(
                path=path,
                line=job.keys.get("permissions", job.line),
                code="workflow-permissions-wide",
                what=f"The token of the job {job.name} may write everything.",
                action="Name the scopes that it needs, each with read or write.",
            )


def _step(
    path: str, workflow: Workflow, job: Job, step: Step, needles: Mapping[str, str]
) -> Iterator[Concern]:
    if step.action and not step.action.startswith(("./", "docker://")) and mutable(step.version or "v0"):
        yield Concern(
            path=path,
            line=step.at("uses"),
            code="workflow-action-mutable",
            what=f"{step.action}@{step.version} is whatever its branch {step.version} holds when it runs.",
            action="Name a version, or better the commit with the version in a comment behind it.",
        )
    if untrusted := sorted({text for text in expressions(step.run) if UNTRUSTED.search(text)}):
        yield Concern(
            path=path,
            line=_line_of(step, "run", untrusted[0]),
            code="workflow-untrusted-expression",
            what=f"{untrusted[0]} is put into the script before the shell reads it, and strangers write it.",
            action="Hand it over in env, and use the variable in quotes in the script.",
        )
    yield from _target(path, workflow, step)
    yield from _env(path, step.line, step.env)
    yield from _secrets(path, step, needles)


def _target(path: str, workflow: Workflow, step: Step) -> Iterator[Concern]:
    """A stranger's code, fetched by a run that has the secrets."""
    ref = f"{step.given.get('ref', '')} {step.given.get('repository', '')}" if step.action else step.run
    fetches = step.action == "actions/checkout" or "git " in step.run or "gh pr checkout" in step.run
    heads = re.search(r"pull_request\.head|github\.head_ref|refs/pull/|gh pr checkout", ref)
    if {"pull_request_target", "workflow_run"} & workflow.triggers.keys() and fetches and heads:
        yield Concern(
            path=path,
            line=step.at("with.ref") if step.action else step.at("run"),
            code="workflow-pull-request-target",
            what="On pull_request_target the run has the secrets, and this step fetches the code of whoever "
            "opened the pull request.",
            action="Use pull_request for what builds or tests foreign code: such a run gets no secrets.",
        )


def _env(path: str, line: int, env: Mapping[str, str]) -> Iterator[Concern]:
    for name, value in env.items():
        if NAMED_SECRET.search(name) and value.strip() and not expressions(value):
            yield Concern(
                path=path,
                line=line,
                code="workflow-secret-in-file",
                what=f"The variable {name} has its value in the file.",
                action=_BURNT,
            )


def _secrets(path: str, step: Step, needles: Mapping[str, str]) -> Iterator[Concern]:
    texts = {"run": step.run, "with.password": step.given.get("password", "")}
    whole = "\n".join((step.run, *step.given.values(), *step.env.values()))
    shown = next((name for name, value in needles.items() if value and value in whole), "")
    password = texts["with.password"]
    if password.strip() and not expressions(password):
        shown = shown or "a password"
    if SECRET_SHAPES.search(whole):
        shown = shown or "a token"
    for option in PASSWORD_OPTION.finditer(step.run):
        given = option["given"].strip("\"'")
        if not given.startswith("$") and not given.startswith("-"):
            shown = shown or "a password"
        else:
            yield Concern(
                path=path,
                line=_line_of(step, "run", option[0].strip()),
                code="workflow-secret-as-argument",
                what="docker login gets the password as an argument, which all processes can see.",
                action='Pipe it in: printf %s "$TOKEN" | docker login --username ... --password-stdin.',
            )
    if shown:
        yield Concern(
            path=path,
            line=step.line,
            code="workflow-secret-in-file",
            what=f"The step has {shown} in the file.",
            action=_BURNT,
        )
    for line in ECHOED.finditer(step.run):
        if (
            "|" not in line["rest"]
            and ">" not in line["rest"]
            and SECRET.search(" ".join(expressions(line["rest"])))
        ):
            yield Concern(
                path=path,
                line=_line_of(step, "run", line[0].strip()),
                code=IN_LOG,
                what="The script prints a secret.",
                action="Leave it out: GitHub masks the exact text only, and no other form of it.",
            )


def _line_of(step: Step, key: str, text: str) -> int:
    """The line in the file of a text in a block of a script, as near as can be told."""
    first = step.at(key)
    lines = step.run.split("\n")
    number = next((number for number, line in enumerate(lines) if text.split("\n")[0] in line), 0)
    return first + number + (1 if len(lines) > 1 else 0)


_BURNT = (
    "Store it among the repository's secrets and write its name, as in ${{ secrets.DOCKERHUB_TOKEN }}. "
    "Whoever has read the file has it, so replace it as well."
)
