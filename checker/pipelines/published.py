"""The JSON schemas of pipeline files that are published for editors, as check-jsonschema carries them.

They are read by the checker's own validator: started as a command for every file, check-jsonschema would take longer
than all the rest, and would not tell the place as a path of keys.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any

from checker.base.errors import EnvironmentFault


def published(name: str) -> Any:
    """Return a schema by its name in check-jsonschema: `github-workflows`, `gitlab-ci`. Raises EnvironmentFault."""
    # Found without being imported, which would take longer than all the rest.
    package = importlib.util.find_spec("check_jsonschema")
    if package is None or package.origin is None:
        raise EnvironmentFault("check-jsonschema is not installed.", "Install registry-lab again.")
    schema = Path(package.origin).parent / "builtin_schemas" / "vendor" / f"{name}.json"
    return json.loads(schema.read_text(encoding="utf-8"))
