"""Validators of JSON schemas, with the slow part of their library left out."""

import sys
from collections.abc import Iterable
from typing import Any

SLOW = "rfc3987_syntax"
"""Works out a grammar for over a second when it is imported, to check a format that no schema here has."""


def validator(schema: Any, formats: Iterable[str] = ()) -> Any:
    """Return jsonschema's validator for a schema, of the draft that it names.

    formats: the values of `format` that are checked as well, like `regex`.
    """
    absent = SLOW not in sys.modules
    if absent:
        sys.modules[SLOW] = None  # type: ignore[assignment]
    try:
        import jsonschema  # type: ignore[import-untyped,unused-ignore]
    finally:
        if absent:
            del sys.modules[SLOW]
    checked = jsonschema.FormatChecker(tuple(formats))
    return jsonschema.validators.validator_for(schema)(schema, format_checker=checked)
