"""Secrets in what a run printed."""

import base64

import pytest

from checker.pipelines.github.leaks import leaked

TOKEN = "9f3c1b7a52e04d68"


@pytest.mark.parametrize(
    ("line", "form"),
    [
        (f"token={TOKEN}!", "TOKEN"),
        (base64.b64encode(TOKEN.encode()).decode(), "TOKEN in base64"),
        (base64.b64encode(f"ada:{TOKEN}\n".encode()).decode(), "TOKEN in base64"),
        (base64.b64encode(f"eve-2:{TOKEN}".encode()).decode(), "TOKEN in base64"),
        (TOKEN.encode().hex(), "TOKEN in hexadecimal digits"),
        (TOKEN[::-1], "TOKEN backwards"),
        ("***", ""),
        (TOKEN[:8], ""),
    ],
)
def test_a_secret_is_found_in_the_forms_that_masking_misses(line: str, form: str) -> None:
    assert leaked(["before", line, "after"], {"NAME": "ada", "TOKEN": TOKEN}) == form


def test_what_is_too_short_to_be_a_secret_is_not_looked_for() -> None:
    assert leaked(["ada logs in"], {"NAME": "ada"}) == ""
