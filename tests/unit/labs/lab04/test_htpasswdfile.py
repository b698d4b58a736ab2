"""What a file of accounts says, whoever wrote it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from htpasswdfile import Broken, Entry, parse

BCRYPT = "$2y$10$" + "a" * 53


@pytest.mark.parametrize(
    ("kept", "form"),
    [
        (BCRYPT, "bcrypt"),
        (BCRYPT.replace("2y", "2a"), "bcrypt"),
        (BCRYPT.replace("2y", "2b"), "bcrypt"),
        (BCRYPT[:-1], "plain text"),
        ("$apr1$abcdefgh$0123456789012345678901", "MD5 (apr1)"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "SHA-1 without salt"),
        ("$5$salt$hash", "SHA-256 (crypt)"),
        ("$6$salt$hash", "SHA-512 (crypt)"),
        ("rqXexS6ZhobKA", "DES (crypt)"),
        ("secret", "plain text"),
    ],
)
def test_the_form_of_a_hash_is_told(kept: str, form: str) -> None:
    assert [entry.form for entry in parse(f"zoe:{kept}\n") if isinstance(entry, Entry)] == [form]


def test_lines_are_counted_and_blank_ones_and_comments_left_out() -> None:
    assert parse(f"# accounts\n\nzoe:{BCRYPT}\nno account\n:x\nan:\n") == [
        Entry(3, "zoe", "bcrypt", 10),
        Broken(4),
        Broken(5),
        Broken(6),
    ]


@given(st.text())
def test_any_text_at_all_can_be_read(text: str) -> None:
    assert all(1 <= entry.line <= len(text.splitlines()) for entry in parse(text))
