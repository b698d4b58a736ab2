"""Cores of rooms side by side: as many for everybody, and none in two shares."""

import os

import pytest

from checker.sandbox.room import limits


@pytest.mark.parametrize(
    ("cores", "jobs", "shares"),
    [
        ({0, 1}, 1, [(0, 1)]),
        ({0, 1}, 2, [(0,), (1,)]),
        ({2, 3, 6, 7}, 2, [(2, 6), (3, 7)]),
        ({0, 1, 2, 3}, 3, []),
        ({0, 1}, 4, []),
        ({0}, 2, []),
    ],
)
def test_cores_are_shared_out_evenly_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, cores: set[int], jobs: int, shares: list[tuple[int, ...]]
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: cores, raising=False)

    assert limits.shares(jobs) == shares


def test_where_processes_cannot_be_kept_on_cores_they_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)

    assert limits.shares(2) == []
