"""How a function tells people what it is doing while it takes long."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Is handed one sentence at a time."""
