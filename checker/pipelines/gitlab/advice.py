"""What works in a `.gitlab-ci.yml` and should not be there: reported beside the result, never instead of it."""

from collections.abc import Iterable, Iterator

from checker.pipelines.gitlab.pipelinefile import TOP, PipelineFile, Text
from checker.pipelines.problem import FileProblem
from checker.secrets import literals
from checker.shell.handed import LOGIN_OPTIONS, handed, no_helper
from checker.shell.shellcalls import Helper
from checker.shell.shellvalues import Known, Level

SCRIPTS = ("before_script", "script", "after_script", "pre_get_sources_script")
"""Keys with commands below them; all those of one key run in one shell."""
OURS = ("CI_", "GITLAB_", "FF_", "TRIVY_", "DOCKER_")
"""How variables begin that GitLab or a program gives a meaning."""


def advice(file: PipelineFile, helper: Helper = no_helper) -> tuple[FileProblem, ...]:
    """Return everything unsafe in the file, in the order of its lines. helper: the text of a script of the
    repository that a job calls, by its path."""
    texts = tuple(file.texts())
    found = [entry for text in texts for entry in _of(text)]
    known = _known(texts)
    for lines in _scripts(texts):
        found += _commands(lines, known, helper)
    once = {(entry.line, entry.code): entry for entry in reversed(found)}
    return tuple(sorted(once.values(), key=lambda entry: (entry.line, entry.code)))


def _scripts(texts: Iterable[Text]) -> Iterator[list[Text]]:
    """Yield the lines of each script."""
    found: dict[tuple[str, ...], list[Text]] = {}
    for text in texts:
        at = next((number for number, part in enumerate(text.path) if part in SCRIPTS), None)
        if at is not None:
            found.setdefault(text.path[: at + 1], []).append(text)
    yield from found.values()


def _commands(lines: list[Text], known: Known, helper: Helper) -> Iterator[FileProblem]:
    """Yield what a script hands to programs as arguments, and passwords of logins that stand in it."""
    for found in handed("\n".join(text.value for text in lines), known, helper):
        text = lines[min(found.line, len(lines)) - 1]
        if found.literal and "$" not in found.literal:
            yield _written(text, "a password of a login")
        elif found.level > Level.PUBLIC or found.option in LOGIN_OPTIONS:
            where = f" (which calls {found.file})" if found.file else ""
            yield FileProblem(
                code="pipeline-password-on-the-command-line",
                line=text.line,
                expected="A password is handed to a program on its standard input, or in a variable of its own.",
                observed=f"Line {text.line}{where} puts a secret on the command line of {found.program} "
                f"({found.option}), where every process of the runner can read it.",
                action="Pipe it in: echo it into `docker login` with --password-stdin.",
            )


def _known(texts: Iterable[Text]) -> Known:
    """Return what the variables of jobs hold: those of the file, and those that GitLab sets."""
    own = {
        _variable(text): text.value
        for text in texts
        if "variables" in text.path and text.path[-1] != "description"
    }

    def level(name: str) -> Level | None:
        if literals.NAMED.search(name) and (name not in own or "$" in own[name]):
            return Level.SECRET
        if name in own:
            return Level.EMPTY if not own[name].strip() else Level.PUBLIC
        return Level.PUBLIC if name.startswith(OURS) else None

    return level


def _of(text: Text) -> Iterator[FileProblem]:
    if what := literals.written(text.value):
        yield _written(text, what)
    elif (
        "variables" in text.path
        and text.path[-1] != "description"
        and literals.named(_variable(text), text.value)
    ):
        yield _written(text, f"the value of {_variable(text)}")
    elif _names_an_image(text.path):
        yield from _image(text)


def _names_an_image(path: tuple[str, ...]) -> bool:
    """Return whether the image of all jobs or of one stands there, in either of its forms."""
    path = path[:-1] if path[-2:] == ("image", "name") else path
    return path[-1:] == ("image",) and len(path) <= 2 and path[0] not in TOP - {"default", "image"}


def _variable(text: Text) -> str:
    """Return the name of the variable whose value a text is, in either of its forms."""
    return text.path[-2] if text.path[-1] == "value" else text.path[-1]


def _image(text: Text) -> Iterator[FileProblem]:
    name = text.value.strip()
    last = name.rpartition("/")[2]
    if not name or "$" in name or "@" in name or (":" in last and not last.endswith(":latest")):
        return
    yield FileProblem(
        code="pipeline-image-without-version",
        line=text.line,
        expected="The image that a job runs in is named with a version or a digest.",
        observed=f"Line {text.line} names {name}, which is another image whenever somebody pushes it anew.",
        action=f"Write the version that you tested, as in {name.removesuffix(':latest')}:1.2.3, or a digest.",
    )


def _written(text: Text, what: str) -> FileProblem:
    return FileProblem(
        code="pipeline-secret-in-the-file",
        line=text.line,
        expected="No secret stands in .gitlab-ci.yml: everybody who can read the project can read that file, for ever.",
        observed=f"In line {text.line} stands {what}.",
        action="Put it into a masked variable of the project's settings and name that variable here. The one that "
        "stood there is burnt: revoke it.",
    )
