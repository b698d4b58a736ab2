"""Which refs `only` and `except` of GitLab take, in each of their forms."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.pipelines.gitlab.refpolicy import Ref, keeps, never, policy, takes, unreadable

MAIN, FEATURE = Ref(name="main"), Ref(name="feature/login")
TAG, NIGHTLY = Ref(name="v12", kind="tag"), Ref(name="nightly", kind="tag")
MERGE = Ref(name="feature/login", kind="merge_request", source="merge_request_event")
CLOCK = Ref(name="main", source="schedule")
ALL = {"main": MAIN, "feature": FEATURE, "tag": TAG, "nightly": NIGHTLY, "merge": MERGE, "clock": CLOCK}


def kept(only: Any = None, but: Any = None) -> str:
    return " ".join(name for name, ref in ALL.items() if keeps(policy(only), policy(but), ref))


@pytest.mark.parametrize(
    ("only", "refs"),
    [
        (None, "main feature tag nightly clock"),
        ("main", "main clock"),
        (["main"], "main clock"),
        (["Main"], ""),
        (["mai"], ""),
        (["branches", "tags"], "main feature tag nightly clock"),
        (["branches"], "main feature clock"),
        (["tags"], "tag nightly"),
        (["Tags"], ""),
        (["merge_requests"], "merge"),
        (["schedules"], "clock"),
        (["pushes"], "main feature tag nightly"),
        (["web"], ""),
        ([r"/^v\d+$/"], "tag"),
        ([r"/^V\d+$/"], ""),
        ([r"/^V\d+$/i"], "tag"),
        (["/^v[[:digit:]]+$/"], "tag"),
        (["/eat/"], "feature"),
        (["/^login/"], ""),
        ([r"/^feature\/.*$/"], "feature"),
        (["/^feature/.*$/"], "feature"),
        (["feature/*"], ""),
        (["v*"], ""),
        (["*"], ""),
        (["/*/"], ""),
        (["$CI_DEFAULT_BRANCH"], ""),
        ({"refs": ["main", "tags"]}, "main tag nightly clock"),
        ({"refs": "main"}, "main clock"),
        ({"variables": ["$X"]}, "main feature tag nightly clock"),
        ({"changes": ["app/**"]}, "main feature tag nightly clock"),
        ({"refs": ["merge_requests"], "changes": ["app/**"]}, "merge"),
    ],
)
def test_only_keeps_what_gitlab_keeps(only: Any, refs: str) -> None:
    assert kept(only) == refs


@pytest.mark.parametrize(
    ("only", "but", "refs"),
    [
        (None, "main", "feature tag nightly"),
        (None, ["branches"], "tag nightly"),
        (None, ["tags", "schedules"], "main feature"),
        (None, {"refs": ["tags"]}, "main feature clock"),
        (None, {"variables": ["$X"]}, "main feature tag nightly clock"),
        (["branches"], ["main"], "feature"),
        (["tags"], [r"/^v\d+$/"], "nightly"),
        (["main"], ["main"], ""),
        (None, ["feature/*"], "main feature tag nightly clock"),
    ],
)
def test_what_except_takes_is_left_out(only: Any, but: Any, refs: str) -> None:
    assert kept(only, but) == refs


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("main@shop/web", True),
        ("branches@shop/web", True),
        ("/^ma/@shop/web", True),
        ("main@shop/other", False),
        ("main@shop/i", False),
        ("/^ma/@shop/i", False),
    ],
)
def test_behind_an_at_sign_stands_the_project(pattern: str, taken: bool) -> None:
    assert takes([pattern], Ref(name="main", project="shop/web")) is taken


@pytest.mark.parametrize("pattern", ["/^(?!main).*$/", "/(?<=v)1/", r"/(a)\1/", "/(/", "/^(?!x)/@shop/web"])
def test_an_expression_that_re2_has_not_fits_nothing_and_is_told(pattern: str) -> None:
    assert unreadable(pattern)
    assert not takes([pattern], Ref(name="a1v", project="shop/web"))


@pytest.mark.parametrize(
    "pattern", ["main", r"/\(?=x/", "/[(?=]/", "/(?i)MAIN/", "(?!", "/(?:a|b)/", r"/\\d/"]
)
def test_an_expression_that_re2_has_is_not_complained_about(pattern: str) -> None:
    assert not unreadable(pattern)


@pytest.mark.parametrize(
    ("pattern", "says"), [("feature/*", True), ("v[0-9]", True), ("/v.*/", False), ("a", False)]
)
def test_a_name_with_an_asterisk_fits_no_ref_at_all(pattern: str, says: bool) -> None:
    assert never(pattern) is says


@given(st.text(alphabet="/()[]{}?*+|\\^$@imsU!<=:ab1", max_size=14))
def test_any_pattern_can_be_tried(pattern: str) -> None:
    assert takes([pattern], MAIN) in (True, False)
    assert not (unreadable(pattern) and takes([pattern], MAIN))
