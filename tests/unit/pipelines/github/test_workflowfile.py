"""Workflows as they are read: when they run, what is in them, and where one is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.pipelines.github.triggers import selected
from checker.pipelines.github.workflowfile import BadWorkflow, expressions, parse

JOBS = "jobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n"


@pytest.mark.parametrize(
    ("on", "branches", "tags"),
    [
        ("on: push", {"main", "feature/x"}, {"v1.2.3", "nightly"}),
        ("on: [push, pull_request]", {"main", "feature/x"}, {"v1.2.3", "nightly"}),
        ("on:\n  push:", {"main", "feature/x"}, {"v1.2.3", "nightly"}),
        ("on: {push: {branches: [main]}}", {"main"}, set()),
        ("on: {push: {branches: main, tags: 'v*'}}", {"main"}, {"v1.2.3"}),
        ("on: {push: {tags: ['v*']}}", set(), {"v1.2.3"}),
        ("on: {push: {tags: ['v[0-9]+.[0-9]+.[0-9]+']}}", set(), {"v1.2.3"}),
        ("on: {push: {branches: ['**', '!feature/**']}}", {"main"}, set()),
        ("on: {push: {branches: ['*']}}", {"main"}, set()),
        ("on: {push: {branches-ignore: ['feature/**']}}", {"main"}, set()),
        ("on: {push: {branches: [main], tags-ignore: [nightly]}}", {"main"}, {"v1.2.3"}),
        ("on: {push: {paths: ['app/**']}}", {"main", "feature/x"}, {"v1.2.3", "nightly"}),
    ],
)
def test_a_push_starts_what_the_filters_let_through(on: str, branches: set[str], tags: set[str]) -> None:
    push = parse(f"{on}\n{JOBS}").triggers["push"]
    assert {name for name in ("main", "feature/x") if push.fires_for_branch(name)} == branches
    assert {name for name in ("v1.2.3", "nightly") if push.fires_for_tag(name)} == tags


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("v*", ["v1", "v1.2.3"], ["1.0", "v/1"]),
        ("**", ["a", "a/b"], []),
        ("releases/**/v?1", ["releases/a/b/v1", "releases/x/1", "releases/v1"], ["releases/xv1"]),
        ("docs/**/*.md", ["docs/hello.md", "docs/a/b/hello.md"], ["docs/hello.txt", "hello.md"]),
        ("**/README.md", ["README.md", "js/README.md"], ["READMES.md"]),
        ("*.js", ["app.js"], ["js/app.js"]),
        ("**.js", ["app.js", "js/app.js"], ["app.jsx"]),
        ("*feature", ["my-feature", "feature"], ["feature-1"]),
        ("releases/**", ["releases/1", "releases/a/b"], ["releases"]),
        ("v1.+", ["v1.", "v1.."], ["v1", "v1.x"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        (r"\*", ["*"], ["a"]),
        ("[z-a]", [], ["a", "z"]),
        ("+", ["+"], ["a"]),
    ],
)
def test_a_pattern_takes_what_github_says_it_takes(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [name for name in yes + no if selected((pattern,), name)] == yes


def test_the_last_pattern_that_fits_decides() -> None:
    assert selected(("v*", "!v1*", "v1.9"), "v1.9")
    assert not selected(("v*", "!v1*"), "v1.9")
    assert not selected(("!v1*",), "v2")


def test_steps_are_read_with_their_lines_and_texts_as_they_are_written() -> None:
    workflow = parse(
        "name: X\non: push\nenv: {A: 1.10}\njobs:\n  build:\n    needs: [test]\n    runs-on: x\n    steps:\n"
        "      - uses: docker/login-action@v3\n        with:\n          password: ${{ secrets.T }}\n"
        "      - id: it\n        run: |\n          make\n          make install\n"
    )
    (job,) = workflow.jobs
    login, run = job.steps
    assert (login.line, login.action, login.version) == (9, "docker/login-action", "v3")
    assert expressions(login.given["password"]) == ["secrets.T"]
    assert (run.line, run.id, run.run) == (12, "it", "make\nmake install\n")
    assert workflow.env == {"A": "1.10"}


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("", 1, "empty"),
        ("- a\n- b\n", 1, "keys with values"),
        ("name: x\njobs: {}\n", 1, "no key on"),
        ("on: push\n", 1, "no key jobs"),
        ("on: push\njobs: {}\n", 2, "no job"),
        ("on: push\njobs:\n  a:\n    runs-on: x\n", 4, "no steps"),
        ("on: push\njobs:\n  a:\n    steps:\n      - name: x\n", 5, "either uses or run"),
        ("on: push\njobs:\n  a:\n    steps: make\n", 4, "no list"),
        ("on: push\non: pull_request\n" + JOBS, 2, "twice"),
        ("on: push\njobs:\n\ta: 1\n", 3, "cannot start"),
        ("on: push\njobs:\n  a: [\n", 4, "expected"),
        ("on: push\njobs: &a\n  a: *a\n", 2, "no steps"),
    ],
)
def test_what_is_no_workflow_is_refused_with_the_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(BadWorkflow) as caught:
        parse(text)
    assert problem in caught.value.problem
    assert caught.value.line == line


def test_a_file_that_grows_when_it_is_read_is_refused() -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 30)}]\n" for n in range(1, 9))
    with pytest.raises(BadWorkflow, match="aliases"):
        parse(f"a0: &a0 x\n{levels}on: push\n{JOBS}")


@given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "replace")))
def test_any_text_is_a_workflow_or_is_refused(text: str) -> None:
    line = 1
    try:
        parse(text)
    except BadWorkflow as error:
        line = error.line
    assert 1 <= line <= len(text) + 1


@given(st.text(alphabet="ab*?+[]!-\\/", max_size=12), st.text(alphabet="ab/-", max_size=12))
def test_any_pattern_can_be_tried_on_any_name(pattern: str, name: str) -> None:
    assert selected((pattern,), name) in (True, False)
