"""Something that is wrong at a line of a file, whoever found it."""

import msgspec


class FileProblem(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One thing that is wrong, or unsafe.

    path: of the file, empty where there is only one. line: from 1. code: of a finding about it, empty where the check
    has one of its own. observed: a sentence on what stands there. expected, action: sentences, empty where the check
    says it.
    """

    path: str = ""
    line: int
    code: str = ""
    observed: str
    expected: str = ""
    action: str = ""
