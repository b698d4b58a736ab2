"""Puts labs and notebooks into the wheel, so that `pip install` is enough for a learner.

An editable installation gets none: it uses those of the checkout.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Content(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            content = {name: f"checker/content/{name}" for name in ("labs", "notebooks")}
            build_data["force_include"] |= content
