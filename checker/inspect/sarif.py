"""SARIF 2.1.0, as scanners write it and code review pages read it: does a text follow the standard's schema?

The schema beside this module is the one that OASIS publishes with the standard, in the form (rtm.5) in which
@microsoft/jest-sarif has it.
"""

import functools
import json
from pathlib import Path
from typing import Any

from checker.inspect.schema import validator

SCHEMA = Path(__file__).with_name("sarif-2.1.0.schema.json")
MOST = 16 * 1024 * 1024
"""Characters that are looked at."""


def problem(text: str) -> str:
    """Return why a text is no SARIF 2.1.0, as a whole sentence; empty if it is.

    Formats such as URIs and dates are not looked at, as in the standard's own schema checkers.
    """
    if len(text) > MOST:
        return f"It is longer than {MOST} characters."
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"It is no JSON ({error})."
    errors = _validator().iter_errors(document)
    first = min(errors, key=lambda error: [str(part) for part in error.absolute_path], default=None)
    if first is None:
        return ""
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first.absolute_path)
    return f"At {place.lstrip('.') or 'the top'}: {first.message[:160]}."


@functools.cache
def _validator() -> Any:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return validator(schema)
