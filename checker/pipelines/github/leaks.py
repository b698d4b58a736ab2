"""Secrets in what a run printed, in the forms that a service which masks logs does not see."""

import base64
from collections.abc import Iterable, Mapping

SHORTEST = 8
"""Characters of a secret that is looked for: shorter ones stand in any log by chance."""


def leaked(lines: Iterable[str], secrets: Mapping[str, str]) -> str:
    """Return which secret stands in the lines, and in which form, in words; empty if none does."""
    whole = "\n".join(lines)
    for name, value in secrets.items():
        if len(value) < SHORTEST:
            continue
        for form, texts in _forms(value).items():
            if any(text in whole for text in texts):
                return f"{name}{form}"
    return ""


def _forms(value: str) -> dict[str, list[str]]:
    data = value.encode()
    # In base64 a text looks in three ways, by where it begins; its ends mix with what stands beside it.
    encoded = [base64.b64encode(b"x" * begin + data).decode()[begin and 4 : -4] for begin in range(3)]
    return {
        "": [value],
        " in base64": [text for text in encoded if len(text) >= SHORTEST],
        " in hexadecimal digits": [data.hex()],
        " backwards": [value[::-1]],
    }
