"""What works in a `.gitlab-ci.yml` and should not be there: reported beside the result, never instead of it."""

import re
from collections.abc import Iterator

import msgspec

from checker.pipelines.gitlabfile import TOP, PipelineFile, Text

LOGIN = re.compile(
    r"\b(?:docker|podman|nerdctl|buildah|skopeo|crane|oras|(?:helm|trivy|regctl)\s+registry)"
    r"(?:\s+-[^\s|;&]+(?:\s+[^\s|;&-][^\s|;&]*)?)*?\s+(?:auth\s+)?login\b"
    r"(?P<rest>(?:\$\([^)]*\)|[^|;&])*)"
)
PASSWORD = re.compile(
    r"(?:^|\s)(?:-p(?:=|\s*)|--password(?:=|\s+))"
    r"(?P<value>\"[^\"]*\"?|'[^']*'?|(?:\$\([^)]*\)|[^\s-])(?:\$\([^)]*\)|\S)*)"
)
SAID = re.compile(r"\b(?:echo|printf)\s(?P<text>[^|;&]*)\|\s*$")
"""What is piped into a login."""
COMMENT = re.compile(r"(?:^|\s)#")
SECRET_NAME = re.compile(
    r"(?i)(?:^|_)(?:password|passwd|token|secret|api_?key|private_?key|access_?key|secret_?key)$"
)
NO_SECRETS = ("", "~", "null", "true", "false", "yes", "no", "on", "off")
"""Values of switches, whatever their names are."""
KNOWN_SECRETS = re.compile(
    r"\b(?:dckr_pat_|glpat-|ghp_|github_pat_|xox[bp]-)[A-Za-z0-9_-]{10,}|\bAKIA[A-Z0-9]{16}\b"
)
ECHOED = re.compile(r"[$`]")


class Advice(msgspec.Struct, frozen=True):
    """One thing that is unsafe. code: of the finding. expected, observed, action: whole sentences."""

    code: str
    line: int
    expected: str
    observed: str
    action: str


def advice(file: PipelineFile) -> tuple[Advice, ...]:
    """Everything unsafe in the file, in the order of its lines."""
    found = [entry for text in file.texts() for entry in _of(text)]
    return tuple(sorted(found, key=lambda entry: entry.line))


def _of(text: Text) -> Iterator[Advice]:
    for login in LOGIN.finditer(text.value):
        before = text.value[: login.start()]
        if COMMENT.search(before):
            break
        if given := PASSWORD.search(login["rest"]):
            value = given["value"].strip("\"'")
            if ECHOED.search(value):
                yield Advice(
                    "pipeline-password-on-the-command-line",
                    text.line,
                    "A password is handed to `docker login` on its standard input.",
                    f"Line {text.line} puts {value} on the command line, where every process of the runner can "
                    "read it.",
                    "Pipe it in: echo it into `docker login` with --password-stdin.",
                )
            else:
                yield _written(text, "a password of a login")
            return
        said = SAID.search(before)
        if "--password-stdin" in login["rest"] and said and not ECHOED.search(said["text"]):
            yield _written(text, "a password of a login")
            return
    if KNOWN_SECRETS.search(text.value):
        yield _written(text, "something that looks like an access token")
    elif "variables" in text.path and text.path[-1] != "description" and _literal_secret(text):
        yield _written(text, f"the value of {_variable(text)}")
    elif _names_an_image(text.path):
        yield from _image(text)


def _names_an_image(path: tuple[str, ...]) -> bool:
    """Whether the image of all jobs or of one stands there, in either of its forms."""
    path = path[:-1] if path[-2:] == ("image", "name") else path
    return path[-1:] == ("image",) and len(path) <= 2 and path[0] not in TOP - {"default", "image"}


def _variable(text: Text) -> str:
    """The name of the variable whose value a text is, in either of its forms."""
    return text.path[-2] if text.path[-1] == "value" else text.path[-1]


def _literal_secret(text: Text) -> bool:
    plain = "$" not in text.value and text.value.strip().lower() not in NO_SECRETS
    return bool(plain and SECRET_NAME.search(_variable(text)))


def _image(text: Text) -> Iterator[Advice]:
    name = text.value.strip()
    last = name.rpartition("/")[2]
    if not name or "$" in name or "@" in name or (":" in last and not last.endswith(":latest")):
        return
    yield Advice(
        "pipeline-image-without-version",
        text.line,
        "The image that a job runs in is named with a version or a digest.",
        f"Line {text.line} names {name}, which is another image whenever somebody pushes it anew.",
        f"Write the version that you tested, as in {name.removesuffix(':latest')}:1.2.3, or a digest.",
    )


def _written(text: Text, what: str) -> Advice:
    return Advice(
        "pipeline-secret-in-the-file",
        text.line,
        "No secret stands in .gitlab-ci.yml: everybody who can read the project can read that file, for ever.",
        f"In line {text.line} stands {what}.",
        "Put it into a masked variable of the project's settings and name that variable here. The one that "
        "stood there is burnt: revoke it.",
    )
