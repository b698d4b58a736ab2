"""Which workflows an event starts: every kind of filter, and what goes without one."""

import pytest

from checker.pipelines.github.events import WorkflowEvent, pull_request_from_fork, push, push_tag, starts
from checker.pipelines.github.workflowfile import parse

JOBS = "jobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n"
MAIN, TAG, FEATURE = push("main"), push_tag("v1.2.3"), push("feature/login")
FORK = pull_request_from_fork("app/server.py")
BY_HAND = WorkflowEvent(kind="workflow_dispatch", branch="main")


def started(on: str, event: WorkflowEvent) -> list[str]:
    return [entry.by for entry in starts(parse(f"on: {on}\n{JOBS}"), event) if entry]


@pytest.mark.parametrize(
    ("on", "main", "tag", "feature", "fork"),
    [
        ("push", 1, 1, 1, 0),
        ("[push]", 1, 1, 1, 0),
        ("[push, pull_request]", 1, 1, 1, 1),
        ("pull_request", 0, 0, 0, 1),
        ("{pull_request: }", 0, 0, 0, 1),
        ("workflow_dispatch", 0, 0, 0, 0),
        ("{schedule: [{cron: '0 3 * * 1'}]}", 0, 0, 0, 0),
        ("{push: {branches: [main]}}", 1, 0, 0, 0),
        ("{push: {branches: main}}", 1, 0, 0, 0),
        ("{push: {branches: ['*']}}", 1, 0, 0, 0),
        ("{push: {branches: ['**']}}", 1, 0, 1, 0),
        ("{push: {branches: ['feature/**']}}", 0, 0, 1, 0),
        ("{push: {branches: ['feature/*']}}", 0, 0, 1, 0),
        ("{push: {branches: ['feature']}}", 0, 0, 0, 0),
        ("{push: {branches: ['**', '!feature/**']}}", 1, 0, 0, 0),
        ("{push: {branches: ['!main', 'ma*']}}", 1, 0, 0, 0),
        ("{push: {branches: ['ma?in']}}", 1, 0, 0, 0),
        ("{push: {branches: ['m[a-z]+n']}}", 1, 0, 0, 0),
        ("{push: {branches-ignore: ['feature/**']}}", 1, 0, 0, 0),
        ("{push: {branches-ignore: [main]}}", 0, 0, 1, 0),
        ("{push: {tags: ['v*']}}", 0, 1, 0, 0),
        ("{push: {tags: ['v*.*.*']}}", 0, 1, 0, 0),
        ("{push: {tags: ['v[0-9]+.[0-9]+.[0-9]+']}}", 0, 1, 0, 0),
        ("{push: {tags: ['[0-9]*']}}", 0, 0, 0, 0),
        ("{push: {tags: ['v2*']}}", 0, 0, 0, 0),
        ("{push: {tags-ignore: ['nightly']}}", 0, 1, 0, 0),
        ("{push: {tags-ignore: ['v*']}}", 0, 0, 0, 0),
        ("{push: {branches: [main], tags: ['v*']}}", 1, 1, 0, 0),
        ("{push: {branches: [main], tags-ignore: [nightly]}}", 1, 1, 0, 0),
        ("{push: {branches: [main]}, pull_request: {branches: [main]}}", 1, 0, 0, 1),
        ("{pull_request: {branches: [main]}}", 0, 0, 0, 1),
        ("{pull_request: {branches: ['releases/**']}}", 0, 0, 0, 0),
        ("{pull_request: {branches-ignore: [main]}}", 0, 0, 0, 0),
        ("{pull_request: {types: [opened, synchronize]}}", 0, 0, 0, 1),
        ("{pull_request: {types: [closed]}}", 0, 0, 0, 0),
        ("{pull_request: {types: labeled}}", 0, 0, 0, 0),
        ("{pull_request: {paths: ['app/**']}}", 0, 0, 0, 1),
        ("{pull_request: {paths: ['**.md']}}", 0, 0, 0, 0),
        ("{pull_request: {paths: ['**/*.py']}}", 0, 0, 0, 1),
        ("{pull_request: {paths-ignore: ['app/**']}}", 0, 0, 0, 0),
        ("{pull_request: {paths-ignore: ['docs/**']}}", 0, 0, 0, 1),
    ],
)
def test_the_four_events_start_what_the_filters_let_through(
    on: str, main: int, tag: int, feature: int, fork: int
) -> None:
    assert [len(started(on, event)) for event in (MAIN, TAG, FEATURE, FORK)] == [main, tag, feature, fork]


@pytest.mark.parametrize(
    ("filters", "changed", "runs"),
    [
        ("paths: ['app/**']", ("app/server.py",), True),
        ("paths: ['app/**']", ("README.md",), False),
        ("paths: ['app/**']", ("README.md", "app/server.py"), True),
        ("paths: ['**', '!docs/**']", ("docs/a.md",), False),
        ("paths: ['**', '!docs/**']", ("docs/a.md", "Dockerfile"), True),
        ("paths: ['!docs/**', '**']", ("docs/a.md",), True),
        ("paths-ignore: ['**.md']", ("README.md", "docs/a.md"), False),
        ("paths-ignore: ['*.md']", ("docs/a.md",), True),
        ("paths-ignore: ['**.md']", ("README.md", "app.py"), True),
        ("branches: [main], paths: ['app/**']", ("app/x",), True),
        ("branches: [other], paths: ['app/**']", ("app/x",), False),
        ("paths: ['app/**']", (), True),
    ],
)
def test_the_files_that_changed_count_for_branches(
    filters: str, changed: tuple[str, ...], runs: bool
) -> None:
    assert bool(started(f"{{push: {{{filters}}}}}", push("main", *changed))) is runs


def test_the_files_that_changed_do_not_count_for_tags() -> None:
    assert started(
        "{push: {paths: ['app/**']}}", WorkflowEvent(kind="push", tag="v1", changed=("README.md",))
    )


def test_a_run_by_hand_is_started_only_where_that_is_offered() -> None:
    assert started("[push, workflow_dispatch]", BY_HAND) == ["workflow_dispatch"]
    assert started("push", BY_HAND) == []


def test_a_pull_request_starts_a_workflow_by_each_of_its_two_events() -> None:
    assert started("[pull_request, pull_request_target]", FORK) == ["pull_request", "pull_request_target"]
    assert started("pull_request_target", FORK) == ["pull_request_target"]


@pytest.mark.parametrize(
    ("on", "event", "why"),
    [
        ("pull_request", MAIN, "It runs on pull_request, and this is a push to the branch main."),
        ("{push: {branches: [main]}}", TAG, "Its filters in line 1 leave v1.2.3 out."),
        ("{pull_request: {types: [closed]}}", FORK, "pull requests that are closed, and this one is opened"),
        ("{pull_request: {branches: [dev]}}", FORK, "leave pull requests to main out"),
        ("{pull_request: {paths: ['*.md']}}", FORK, "leaves app/server.py out"),
    ],
)
def test_it_says_why_a_workflow_does_not_run(on: str, event: WorkflowEvent, why: str) -> None:
    (entry,) = starts(parse(f"on: {on}\n{JOBS}"), event)
    assert not entry
    assert why in entry.why
