"""The lab inside Jupyter: `%load_ext checker.notebook`.

Importing this package costs nothing; IPython, the registry client and the session are imported when
a magic is first used.
"""

from typing import Any


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext checker.notebook` calls: makes the magics known."""
    from checker.notebook.magics import register

    register(shell)
