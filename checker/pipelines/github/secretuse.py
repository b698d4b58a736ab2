"""Secrets in a workflow: written down in it, handed to a program as an argument, or printed."""

import re
from collections.abc import Iterator, Mapping

from checker.pipelines.github import zizmor
from checker.pipelines.github.workflowfile import EXPRESSION, Job, Workflow, WorkflowStep, expressions
from checker.secrets import literals
from checker.shell.handed import LOGIN_OPTIONS, STDIN, Handed, handed
from checker.shell.shellcalls import Helper
from checker.shell.shellvalues import PUT, Known, Level

IN_LOG, IN_FILE, AS_ARGUMENT = (
    "workflow-secret-in-log",
    "workflow-secret-in-file",
    "workflow-secret-as-argument",
)
SECRET = re.compile(r"\bsecrets(?:\.([A-Za-z_]\w*)|\[\s*'([^']+)'\s*\])")
TOKEN = re.compile(r"\bgithub\.token\b", re.IGNORECASE)
NO_SECRET = re.compile(
    r"(?:^|_)(?:USER|USERNAME|NAME|ACCOUNT|LOGIN|REGISTRY|HOST|URL|REPO|REPOSITORY|ORG|EMAIL)$", re.IGNORECASE
)
"""What people keep among the secrets and show everywhere all the same, as the account's name in an image's."""
ECHOED = re.compile(r"^\s*(?:echo|printf)\b(?P<rest>.*)$", re.MULTILINE)
BURNT = (
    "Store it among the repository's secrets and write its name, as in ${{ secrets.DOCKERHUB_TOKEN }}. "
    "Whoever has read the file has it, so replace it as well."
)

SecretShown = tuple[int, str, str, str]
"""Line, code, what stands there, what to do."""


def told(workflow: Workflow, needles: Mapping[str, str], helper: Helper) -> Iterator[SecretShown]:
    """Yield all of them. needles: name -> value of what may not stand there."""
    for number, line in enumerate(workflow.text.splitlines(), 1):
        if what := literals.written(line):
            yield number, IN_FILE, f"The line has {what} in it.", BURNT
    for found in zizmor.audit(workflow.text) or ():
        if found.kind == zizmor.CONTAINER:
            yield found.line, IN_FILE, "A container's password stands in the file.", BURNT
    yield from _env(workflow.env, workflow.text, 1)
    for job in workflow.jobs:
        yield from _env(job.env, workflow.text, job.line)
        for step in job.steps:
            yield from _env(step.env, "", step.line)
            yield from _in_step(step, needles)
            yield from _arguments(workflow, job, step, helper)
            yield from _printed(workflow, step)


def _env(env: Mapping[str, str], text: str, first: int) -> Iterator[SecretShown]:
    """Variables with a secret for their value. text: where their line is looked for, from the first one on."""
    for name, value in env.items():
        if not expressions(value) and literals.named(name, value):
            yield (
                _line_of_key(text, name, first),
                IN_FILE,
                f"The variable {name} has its value in the file.",
                BURNT,
            )


def _in_step(step: WorkflowStep, needles: Mapping[str, str]) -> Iterator[SecretShown]:
    whole = "\n".join((step.run, *step.given.values(), *step.env.values()))
    shown = next((name for name, value in needles.items() if value and value in whole), "")
    for name, value in step.given.items():
        if not expressions(value) and (literals.named(name, value) or (name == "password" and value.strip())):
            shown = shown or ("a password" if name == "password" else f"the value of {name}")
    if shown:
        yield step.line, IN_FILE, f"The step has {shown} in the file.", BURNT


def _arguments(workflow: Workflow, job: Job, step: WorkflowStep, helper: Helper) -> Iterator[SecretShown]:
    written: list[str] = []

    def place(found: re.Match[str]) -> str:
        written.append(found[1])
        return f"__EXPRESSION_{len(written) - 1}__"

    script = EXPRESSION.sub(place, step.run)
    known = _known({**workflow.env, **job.env, **step.env}, written)
    seen: set[int] = set()
    for found in handed(script, known, helper):
        line = _first(workflow, step) + found.line - 1
        if found.literal and "$" not in found.literal and not PUT.search(found.literal):
            if _is_password(found):
                yield step.line, IN_FILE, "The step has a password in the file.", BURNT
        elif line not in seen and (found.level > Level.PUBLIC or found.option in LOGIN_OPTIONS):
            seen.add(line)
            where = f" (in {found.file})" if found.file else ""
            yield (
                line,
                AS_ARGUMENT,
                f"{found.program}{where} gets a secret as an argument ({_shown(found.option, written)}), which all "
                "processes can see.",
                'Pipe it in: printf %s "$TOKEN" | docker login --username ... --password-stdin.',
            )


def _first(workflow: Workflow, step: WorkflowStep) -> int:
    """Return the line of a script's first line."""
    at = step.at("run")
    lines = workflow.text.splitlines()
    return at + bool(at <= len(lines) and re.search(r"\brun[\"']?\s*:\s*[|>]", lines[at - 1]))


def _is_password(found: Handed) -> bool:
    """Return whether a value that is written down is one: what a client that logs in is given always is."""
    return found.option in (*LOGIN_OPTIONS, STDIN) or len(found.literal) >= 6


def _known(env: Mapping[str, str], written: list[str]) -> Known:
    """Return what the variables of a step hold, and what was put in place of expressions."""

    def level(name: str) -> Level | None:
        if PUT.fullmatch(name):
            return _of_expression(written[int(name.strip("_").rpartition("_")[2])], env, 0)
        if name in env:
            return _of_text(env[name], env, 0)
        return Level.PUBLIC if name.startswith(("GITHUB_", "RUNNER_")) or name == "CI" else None

    return level


def _of_text(value: str, env: Mapping[str, str], depth: int) -> Level:
    levels = [_of_expression(each, env, depth + 1) for each in expressions(value)]
    return max(levels, default=Level.PUBLIC if value.strip() else Level.EMPTY)


def _of_expression(expression: str, env: Mapping[str, str], depth: int) -> Level:
    names = [first or second for first, second in SECRET.findall(expression)]
    if TOKEN.search(expression):
        names.append("GITHUB_TOKEN")
    if names:
        hidden = [name for name in names if not NO_SECRET.search(name)]
        levels = (Level.SECRET if literals.NAMED.search(name) else Level.UNKNOWN for name in hidden)
        return max(levels, default=Level.PUBLIC)
    found = re.fullmatch(r"\s*env\.(\w+)\s*", expression)
    if found and found[1] in env and depth < 5:
        return _of_text(env[found[1]], env, depth + 1)
    return Level.PUBLIC


def _printed(workflow: Workflow, step: WorkflowStep) -> Iterator[SecretShown]:
    for line in ECHOED.finditer(step.run):
        rest = line["rest"]
        if "|" not in rest and ">" not in rest and SECRET.search(" ".join(expressions(rest))):
            at = _first(workflow, step) + step.run[: line.start("rest")].count("\n")
            action = "Leave it out: GitHub masks the exact text only, and no other form of it."
            yield at, IN_LOG, "The script prints a secret.", action


def _shown(option: str, written: list[str]) -> str:
    """Return an option as it stands in the file."""
    return re.sub(r"__EXPRESSION_(\d+)__", lambda found: f"${{{{{written[int(found[1])]}}}}}", option)


def _line_of_key(text: str, name: str, first: int) -> int:
    """Return the first line from a given one on that has a key of this name; that line itself if none has."""
    lines = text.splitlines()
    key = re.compile(rf"[\s{{,]*[\"']?{re.escape(name)}[\"']?\s*:")
    return next((number for number in range(first, len(lines) + 1) if key.match(lines[number - 1])), first)
