"""The type of a hint that is shown to a learner."""

import msgspec


class Hint(msgspec.Struct, frozen=True):
    """One hint: the `number`-th of `total`, counted from 1."""

    text: str
    number: int
    total: int
