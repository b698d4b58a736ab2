"""SARIF is held against the standard's own schema."""

import json
from typing import Any

import pytest

from checker.inspect import sarif


def log(**driver: object) -> dict[str, Any]:
    result = {"ruleId": "CVE-2031-1", "message": {"text": "Package: requests"}}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": [result]}]}


def test_a_log_of_version_2_1_0_has_no_problem() -> None:
    assert sarif.problem(json.dumps(log(name="Trivy"))) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps(log()), "At runs[0].tool.driver: 'name' is a required property."),
        (json.dumps(log(name="Trivy") | {"version": "2.0.0"}), "At version: '2.0.0' is not one of"),
        (json.dumps(log(name="Trivy") | {"results": []}), "At the top: Additional properties"),
        ("[]", "At the top: [] is not of type 'object'"),
        ("{", "It is no JSON"),
        ("", "It is no JSON"),
    ],
)
def test_what_the_schema_does_not_allow_is_told_with_its_place(text: str, said: str) -> None:
    assert sarif.problem(text).startswith(said)
