"""Whether a job is in a pipeline, and how: `rules`, `only`, `except` and `workflow: rules`, evaluated here.

GitLab evaluates them before anything else, so that what is left out is looked at no further. The first rule counts
of which `if`, `changes` and `exists` are all fulfilled; without one the job is left out (GitLab Docs, "CI/CD YAML
syntax reference").
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from checker.pipelines.gitlab import conditions, refpolicy
from checker.pipelines.gitlab.conditions import BadExpression, Variables
from checker.pipelines.gitlab.refpolicy import Ref, RefPolicy

NOT_IN_RULES = frozenset(
    "CI_REGISTRY_USER CI_REGISTRY_PASSWORD CI_DEPLOY_USER CI_DEPLOY_PASSWORD CI_REPOSITORY_URL CI_JOB_ID CI_JOB_URL "
    "CI_JOB_TOKEN CI_JOB_STARTED_AT CI_PIPELINE_ID CI_PIPELINE_URL".split()
)
"""Variables that GitLab has for scripts and not for conditions ("persisted variables")."""
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
DEEPEST = 10
"""Lists within lists of rules, as `!reference` makes them."""
GLOB = re.compile(
    r"(?P<folders>\*\*/)|(?P<any>\*+)|(?P<one>\?)|(?P<set>\[[^\]]+\])|(?P<open>\{)|(?P<close>\})|(?P<or>,)"
)


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What conditions are compared with.

    predefined: variables of GitLab's own. settings: those of the project, which win over the file's. changed: the
    paths that the push changes; None for the first push of a ref, for which GitLab takes `changes` as fulfilled.
    files: the paths of all files.
    """

    predefined: Mapping[str, str] = {}
    settings: Mapping[str, str] = {}
    changed: tuple[str, ...] | None = None
    files: tuple[str, ...] = ()

    def variables(self, *given: Mapping[str, str]) -> Variables:
        """Return what a condition sees; of the file's variables, `given`, the later ones win."""
        found = dict(self.predefined)
        for names in (*given, self.settings):
            found |= names
        return {name: value for name, value in found.items() if name not in NOT_IN_RULES}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """How a job is in the pipeline. None: as the job itself says."""

    when: str | None = None
    allow_failure: Any = None
    variables: Mapping[str, Any] = {}
    needs: list[Any] | None = None


def by_rules(rules: Any, variables: Variables, known: Known) -> Choice | None:
    """Return what the first rule that is fulfilled says; None if the job is left out. Raises
    BadExpression."""
    for rule in each(rules):
        if all(_fulfilled(kind, value, variables, known) for kind, value in rule.items()):
            if rule.get("when") == "never":
                return None
            needs = rule.get("needs")
            return Choice(
                when=rule.get("when"),
                allow_failure=rule.get("allow_failure"),
                variables=rule["variables"] if isinstance(rule.get("variables"), dict) else {},
                needs=needs if isinstance(needs, list) else None,
            )
    return None


def by_policy(
    only: RefPolicy | None,
    but: RefPolicy | None,
    ref: Ref,
    variables: Variables,
    known: Known,
    *,
    default: bool = True,
) -> bool:
    """Return whether `only` and `except` keep a job: all of the first, none of the second. Raises
    BadExpression.

    default: whether a job without refs below `only` is for branches and tags alone. A cluster counts as being
    there, as a deployment is taken up here.
    """
    if (default or (only and only.refs)) and not refpolicy.keeps(only, None, ref):
        return False
    if only and only.variables and not _one_holds(only.variables, variables):
        return False
    if only and only.changes is not None and not _changed(list(only.changes), variables, known):
        return False
    if but is None:
        return True
    # Of a first push everything may be meant: something else has changed as well.
    changes = known.changed is not None and but.changes is not None
    return not (
        refpolicy.takes(but.refs, ref)
        or _one_holds(but.variables, variables)
        or (changes and _changed(list(but.changes or ()), variables, known))
        or "kubernetes" in but.unknown
    )


def _one_holds(texts: tuple[str, ...], variables: Variables) -> bool:
    return any(conditions.holds(text, variables) for text in texts)


def each(rules: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the rules of a list, with those of lists in it."""
    for rule in rules if isinstance(rules, list) and depth < DEEPEST else ():
        if isinstance(rule, dict):
            yield rule
        else:
            yield from each(rule, depth + 1)


def expressions(rules: Any, *policies: RefPolicy | None) -> Iterator[str]:
    """Yield all expressions of a job's conditions, as far as they are texts."""
    yield from (str(rule["if"]) for rule in each(rules) if rule.get("if") is not None)
    for policy in policies:
        yield from policy.variables if policy else ()


def doubts(expression: str, variables: Variables) -> Iterator[str]:
    """Yield what an expression seems to say and does not, as sentences. Raises BadExpression."""
    for text in conditions.variables_in_texts(expression):
        yield f'its condition has the text "{text}" in quotes, in which GitLab fills in no variables.'
    for name in dict.fromkeys(conditions.variables_of(expression)):
        if VARIABLE.search(variables.get(name, "")) and not variables[name].startswith("/"):
            yield f"in its condition ${name} is the text {variables[name]}, in which GitLab fills in no variables."


def problem(expression: str) -> str:
    """Return why GitLab would refuse the file for an expression; empty if it would not."""
    try:
        conditions.read(expression)
    except BadExpression as error:
        return str(error)
    return ""


def _fulfilled(kind: str, value: Any, variables: Variables, known: Known) -> bool:
    """Return whether one key of a rule is no condition, or one that is fulfilled."""
    if kind == "if" and value is not None:
        return conditions.holds(str(value), variables)
    if kind == "changes":
        return _changed(value, variables, known)
    if kind == "exists":
        elsewhere = isinstance(value, dict) and value.get("project")
        return not elsewhere and _any_of(value, known.files, variables)
    return True


def _changed(value: Any, variables: Variables, known: Known) -> bool:
    return known.changed is None or _any_of(value, known.changed, variables)


def _any_of(value: Any, paths: tuple[str, ...], variables: Variables) -> bool:
    """Return whether one of the patterns, in either form, fits one of the paths."""
    patterns = value.get("paths") if isinstance(value, dict) else value
    listed = patterns if isinstance(patterns, list) else [patterns]
    globs = [_glob(_expanded(str(pattern), variables)) for pattern in listed if pattern]
    return any(glob.fullmatch(path) for glob in globs for path in paths)


def _expanded(text: str, variables: Variables, depth: int = 0) -> str:
    """Return the text with its variables filled in; one that is not known stays as it stands."""

    def value(found: re.Match[str]) -> str:
        known = variables.get(found[1] or found[2])
        return found[0] if known is None else _expanded(known, variables, depth + 1)

    return VARIABLE.sub(value, text) if depth < DEEPEST else text


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    """Return a pattern of paths as Ruby's File.fnmatch has them: `**/` is any number of folders, `*` no
    slash."""
    written, at, depth = "", 0, 0
    for found in GLOB.finditer(pattern):
        written += re.escape(pattern[at : found.start()])
        at = found.end()
        kind = found.lastgroup
        if kind == "folders":
            first = found.start() == 0 or pattern[found.start() - 1] == "/"
            written += "(?:[^/]+/)*" if first else "[^/]*/"
        elif kind == "set":
            written += "[^" + found[0][2:] if found[0][1] in "!^" and len(found[0]) > 3 else found[0]
        elif kind == "open":
            depth, written = depth + 1, written + "(?:"
        elif kind == "close" and depth:
            depth, written = depth - 1, written + ")"
        elif kind == "or":
            written += "|" if depth else ","
        else:
            written += {"any": "[^/]*", "one": "[^/]"}.get(str(kind), re.escape(found[0]))
    try:
        return re.compile(written + re.escape(pattern[at:]))
    except re.error:
        return re.compile(re.escape(pattern))
