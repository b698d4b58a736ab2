"""Records of who did what: read as people and tools write them, and held against the events."""

import pytest

from audit import Line, NoTrail, listed, read, told
from checker.stack.operated import RegistryNotification

DIGEST = "sha256:" + "5" * 64
PUSH = RegistryNotification(
    seq=7,
    id="a",
    action="push",
    repository="tern/kettle",
    digest=DIGEST,
    actor="cicd-1",
    at="2031-09-14T12:00:26.464348Z",
)
HEAD = "at,actor,action,repository,digest"
ROW = f"{PUSH.at},cicd-1,push,tern/kettle,{DIGEST}"


def one(text: str) -> Line:
    (line,) = read(text)
    return line


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}\n{ROW}\n",
        f"\ufeff{HEAD}\r\n{ROW}\r\n",
        HEAD.replace(",", ";") + "\n" + ROW.replace(",", ";"),
        HEAD.replace(",", "\t") + "\n" + ROW.replace(",", "\t"),
        '"at","actor","action","repository","digest"\n"' + ROW.replace(",", '","') + '"\n',
        f"At, Actor, Action, Repository, Digest\n{ROW.replace(',', ', ')}\n",
        f"\n# who did what\n{HEAD}\n\n{ROW}\n\n",
        f"digest,tag,repository,action,actor,at\n{DIGEST},1.0,tern/kettle,push,cicd-1,{PUSH.at}\n",
        f"{HEAD}\n{ROW.replace('.464348Z', 'Z')}\n",
        f"{HEAD}\n{ROW.replace('12:00:26.464348Z', '14:00:26+02:00')}\n",
    ],
    ids="plain bom semicolons tabs quoted spaces remarks order seconds zone".split(),
)
def test_a_true_line_is_known_however_it_is_written(text: str) -> None:
    line = one(text)

    assert told(line, [PUSH]) == [PUSH]
    assert listed(PUSH, [line])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cicd-1", "cicd-2"),
        ("push", "pull"),
        ("tern/kettle", "tern/kettles"),
        (DIGEST, "sha256:" + "6" * 64),
        ("12:00:26", "12:00:28"),
        (PUSH.at, "yesterday"),
        (PUSH.at, "2031-09-14T12:00:26"),
    ],
    ids="actor action repository digest time no-time no-zone".split(),
)
def test_a_line_with_anything_changed_is_made_up(old: str, new: str) -> None:
    line = one(f"{HEAD}\n{ROW.replace(old, new)}\n")

    assert told(line, [PUSH]) == []
    assert not listed(PUSH, [line])


def test_a_short_line_is_read_and_tells_nothing() -> None:
    line = one(f"{HEAD}\n{PUSH.at},cicd-1\n")

    assert (line.number, line.digest) == (2, "")
    assert told(line, [PUSH]) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "It is empty"),
        ("\n\n", "It is empty"),
        (ROW, "without at, actor"),
        ("at,actor,action,repository\n", "without digest"),
        (f"{HEAD}\n" + f"{ROW}\n" * 20_001, "more than 20000 lines"),
        (f'{HEAD}\n"{"x" * 200_000}"\n', "no CSV"),
        ("\0\0\0", "without at"),
    ],
    ids="empty blank no-head no-digest long wide binary".split(),
)
def test_what_is_no_record_says_why(text: str, why: str) -> None:
    with pytest.raises(NoTrail, match=why):
        read(text)
