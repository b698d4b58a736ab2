"""What is unsafe in a workflow, told by its text alone (GitHub Docs, "Secure use reference").

Text of strangers in scripts is what zizmor finds (`foreigntext`), secrets are `secretuse`'. Of what zizmor
finds besides, the labs demand nothing: that every use of pull_request_target is dangerous (here one that fetches no
foreign code is not), that actions are pinned to a commit (here a version will do), and that a checkout keeps no
credentials. None of it keeps the workflow from running; each is a concern of its own, with the line it stands in.
"""

import re
from collections.abc import Iterator, Mapping

from checker.pipelines.github import foreigntext, secretuse, zizmor
from checker.pipelines.github.workflowfile import EXPRESSION, Job, Workflow, WorkflowStep, expressions
from checker.pipelines.problem import FileProblem
from checker.shell import shell
from checker.shell.handed import no_helper
from checker.shell.shellcalls import Helper

COMMIT = re.compile(r"[0-9a-f]{40}")
VERSION = re.compile(r"v?\d+(\.\d+)*([-+.][0-9A-Za-z.-]+)?")
SECRET = re.compile(r"pass(word|wd)?$|token$|secret$|api_?key$|credential", re.IGNORECASE)
SECRET_SHAPES = re.compile(
    r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,}|AKIA[0-9A-Z]{16}|"
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|glpat-[\w-]{20,}"
)
PASSWORD_OPTION = re.compile(
    r"docker\s+login\b[^\n|;&]*?(?:\s-p[=\s]?|\s--password[=\s])\s*(?P<given>\"[^\"]*\"|'[^']*'|\S+)"
)
ECHOED = re.compile(r"^\s*(?:echo|printf)\b(?P<rest>.*)$", re.MULTILINE)
SECRET = re.compile(r"\bsecrets(?:\.([A-Za-z_]\w*)|\[\s*'([^']+)'\s*\])")
IN_LOG = secretuse.IN_LOG
DANGEROUS = ("pull_request_target", "workflow_run", "issue_comment")
"""Events whose runs have the secrets, and that a stranger can cause."""
FOREIGN = re.compile(
    r"pull_request\.(?:head|merge_commit_sha)|github\.head_ref|workflow_run\.(?:head_|pull_requests)|refs/pull/|\bpull/|"
    r"\bFETCH_HEAD\b",
    re.IGNORECASE,
)
"""Names for what a pull request holds."""
FETCHING = re.compile(
    r"^(?:\S*/)?(?:git\b.*?\b(?:fetch|pull|clone|checkout|switch|worktree|remote|merge|reset)\b|gh\b.*?\b(?:checkout|clone)\b|"
    r"(?:curl|wget)\b)",
    re.DOTALL,
)
"""Commands that bring code here."""


def concerns(
    path: str, workflow: Workflow, needles: Mapping[str, str] | None = None, helper: Helper = no_helper
) -> list[FileProblem]:
    """Return everything unsafe, in the order of the lines. needles: name -> value of what may not stand
    there. helper: the text of a script of the repository that a step calls, by its path.

    Raises EnvironmentFault where zizmor is missing."""
    found: list[FileProblem] = list(_permissions(path, workflow))
    found += _foreign(path, workflow)
    found += (
        FileProblem(path=path, line=line, code=code, observed=what, action=action)
        for line, code, what, action in secretuse.told(workflow, needles or {}, helper)
    )
    for job in workflow.jobs:
        for step in job.steps:
            found += _step(path, workflow, job, step)
    return sorted(set(found))


def secrets_named(workflow: Workflow) -> dict[str, int]:
    """Return the secrets that steps and jobs name, with the first line where each does."""
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
    """Return whether what stands behind the @ is a branch: neither a version nor a commit."""
    return not COMMIT.fullmatch(version) and not VERSION.fullmatch(version)


def _permissions(path: str, workflow: Workflow) -> Iterator[FileProblem]:
    for job in workflow.jobs:
        said = workflow.permissions if job.permissions is None else job.permissions
        if said is None:
            yield FileProblem(
                path=path,
                line=job.line,
                code="workflow-without-permissions",
                observed=f"Nothing says what the token of the job {job.name} may do, so it may do what the "
                "repository's settings allow.",
                action="Add permissions at the top with contents: read, and more only where it is needed.",
            )
        elif said.get("*") == "write":
            yield FileProblem(
                path=path,
                line=job.keys.get("permissions", job.line),
                code="workflow-permissions-wide",
                observed=f"The token of the job {job.name} may write everything.",
                action="Name the scopes that it needs, each with read or write.",
            )


def _foreign(path: str, workflow: Workflow) -> Iterator[FileProblem]:
    for each in foreigntext.foreign(workflow.text, workflow):
        through = f", which is {each.through}," if each.through else ""
        yield FileProblem(
            path=path,
            line=each.line,
            code="workflow-untrusted-expression",
            observed=f"{each.shown}{through} is put into the script before the shell reads it, and strangers write it.",
            action='Hand it over in env, and use the variable in quotes in the script: "$TITLE", not an expression.',
        )


def _step(path: str, workflow: Workflow, job: Job, step: WorkflowStep) -> Iterator[FileProblem]:
    if step.action and not step.action.startswith(("./", "docker://")) and mutable(step.version or "v0"):
        yield FileProblem(
            path=path,
            line=step.at("uses"),
            code="workflow-action-mutable",
            observed=f"{step.action}@{step.version} is whatever its branch {step.version} holds when it runs.",
            action="Name a version, or better the commit with the version in a comment behind it.",
        )
    event = next((event for event in DANGEROUS if event in workflow.triggers), "")
    if event and _fetches_foreign_code(step, {**workflow.env, **job.env, **step.env}):
        yield FileProblem(
            path=path,
            line=step.at("with.ref") if step.action else step.at("run"),
            code="workflow-pull-request-target",
            observed=f"On {event} the run has the secrets, and this step fetches the code of whoever opened the pull "
            "request.",
            action="Use pull_request for what builds or tests foreign code: such a run gets no secrets.",
        )


def _fetches_foreign_code(step: WorkflowStep, env: Mapping[str, str]) -> bool:
    """Return whether a step fetches what somebody else's pull request holds, by an action or by commands."""
    if step.action:
        given = f"{step.given.get('ref', '')} {step.given.get('repository', '')}"
        checks_out = step.action.lower() == "actions/checkout"
        return checks_out and bool(FOREIGN.search(_plainly(foreigntext.inlined(given, env))))
    for command in shell.read(EXPRESSION.sub(_marked, step.run)).commands:
        line = _plainly(foreigntext.inlined(_unmarked(command.raw), env))
        if FETCHING.search(line) and (FOREIGN.search(line) or re.search(r"\bpr\s+checkout\b", line)):
            return True
    return False


def _plainly(text: str) -> str:
    """Return a text whose expressions are written with dots and small letters only."""
    return EXPRESSION.sub(lambda found: f"${{{{ {zizmor.plain(found[1])} }}}}", text)


def _marked(found: re.Match[str]) -> str:
    """Return an expression as a word of a shell: its grammar has none of them."""
    return "@@" + found[1].encode().hex() + "@@"


def _unmarked(text: str) -> str:
    return re.sub(r"@@([0-9a-f]*)@@", lambda found: f"${{{{ {bytes.fromhex(found[1]).decode()} }}}}", text)
