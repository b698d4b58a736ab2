"""Validators of JSON schemas, without what makes their library slow to load."""

import sys
from typing import Any

SLOW = "rfc3987_syntax"
"""Works out a grammar for over a second when it is imported, to check a format that no schema here has."""


def validator(schema: Any) -> Any:
    """jsonschema's validator for a schema, of the draft that it names."""
    absent = SLOW not in sys.modules
    if absent:
        sys.modules[SLOW] = None  # type: ignore[assignment]
    try:
        import jsonschema  # type: ignore[import-untyped,unused-ignore]
    finally:
        if absent:
            del sys.modules[SLOW]
    return jsonschema.validators.validator_for(schema)(schema)
