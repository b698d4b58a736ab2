"""Answers that are the same but for names, values, comments and white space: for a person to look at.

Never a verdict, and never part of a mark: short answers to one task cannot help being alike. So what the lab
itself gives or solves, and what half of a class writes, does not count, and what is left has to be long enough
to say something. The measure is Dice's, over runs of words (as MOSS and copydetect do it, without their weight:
answers are a screenful).
"""

import math
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import msgspec

from checker.base.errors import LabError
from checker.base.model import Lab
from checker.base.results import Alike, Person
from checker.judge import submission
from checker.lab.workspace import Workspace

ALIKE = 90.0
"""Percent from which on two answers are listed."""
RUN = 4
"""Words in a run: shorter ones are everywhere, longer ones end at the first change."""
LEAST = 20
"""Words of one's own below which an answer says nothing."""
COMMON_FROM = 5
"""People from whom on half of a class is a habit, not a coincidence."""
TEXT_LIMIT = 64 * 1024

TOKEN = re.compile(
    r"""
      (?P<comment>(?:^|(?<=\s))\#[^\n]*)
    | (?P<joined>\\\n)
    | (?P<end>\n|;|&&|\|\|?|&)
    | (?P<variable>\$(?:\{[A-Za-z_][A-Za-z0-9_]*\}|\{?[A-Za-z_][A-Za-z0-9_]*))
    | (?P<number>\d+(?:[.:]\d+)*)
    | (?P<flag>(?<!\S)--?[A-Za-z][A-Za-z0-9-]*)
    | (?P<name>[^\W\d]\w*(?==))
    | (?P<word>[^\W\d][\w-]*)
    | (?P<sign>[^\s\w"'`\\])
    """,
    re.VERBOSE | re.MULTILINE,
)
SHELL = frozenset(
    "if then elif else fi for in do done while until case esac set echo printf cat cd local".split()
)


class ComparedAnswer(msgspec.Struct, frozen=True):
    """The text of one step's answer. whose: what tells people apart; two of one person are never compared."""

    path: str
    whose: str
    text: str


def alike_in(work: Iterable[tuple[Lab, Path, Person | None]], *, percent: float = ALIKE) -> tuple[Alike, ...]:
    """Compare all submissions of each lab. What cannot be read is not compared."""
    by_lab: dict[str, tuple[Lab, dict[str, list[ComparedAnswer]]]] = {}
    for lab, path, person in work:
        _, answers = by_lab.setdefault(lab.name, (lab, {}))
        for step, text in _texts(lab, path).items():
            whose = person.identifier if person else str(path)
            answers.setdefault(step, []).append(ComparedAnswer(str(path), whose, text))
    return tuple(
        found
        for lab, answers in by_lab.values()
        for step in lab.steps
        for found in _groups(
            lab, step.name, answers.get(step.name, []), _given(lab, step.answer_path), percent
        )
    )


def words(text: str, known: frozenset[str]) -> list[list[str]]:
    """Return the lines of a text as words that count: what is named freely is only a placeholder.

    known: words that are no names of the learner's own. The first word of a command and its options are kept.
    """
    lines: list[list[str]] = [[]]
    for match in TOKEN.finditer(text[:TEXT_LIMIT]):
        token = match[0]
        match match.lastgroup:
            case "comment" | "joined":
                continue
            case "end":
                if lines[-1]:
                    lines.append([])
                continue
            case "variable":
                name = token.strip("${}")
                token = f"${name}" if name in known else "$"
            case "name" if token not in known:
                token = "w"
            case "number":
                token = "0"
            case "word" if lines[-1] and token not in known and token not in SHELL:
                token = "w"
        lines[-1].append(token)
    return [line for line in lines if line]


def _texts(lab: Lab, path: Path) -> Mapping[str, str]:
    """Step -> its answer, taken in as grading does it."""
    with tempfile.TemporaryDirectory(prefix="lab-intake-") as aside:
        place = Workspace(Path(aside).resolve() / lab.name)
        try:
            if submission.take_in(lab, path, place.path).refused:
                return {}
        except LabError:
            return {}
        return {step.name: text for step in lab.steps if (text := place.read(step.answer_path))}


def _given(lab: Lab, relative: str) -> list[str]:
    """Return what the lab itself has at an answer's place."""
    files = [lab.folder / "starter" / relative, lab.folder / "solution" / relative]
    return [path.read_text("utf-8", "replace") for path in files if path.is_file()]


def _groups(
    lab: Lab, step: str, answers: Sequence[ComparedAnswer], given: Sequence[str], percent: float
) -> list[Alike]:
    known = frozenset(lab.values) | frozenset(re.findall(r"[^\W\d][\w-]*", "\n".join(given)))
    shared = {tuple(line) for text in given for line in words(text, known)}
    lines = [words(answer.text, known) for answer in answers]
    people = len({answer.whose for answer in answers})
    if people >= COMMON_FROM:
        holders: dict[tuple[str, ...], set[str]] = {}
        for answer, all_lines in zip(answers, lines, strict=True):
            for line in all_lines:
                holders.setdefault(tuple(line), set()).add(answer.whose)
        shared |= {line for line, who in holders.items() if 2 * len(who) > people}
    own = [[word for line in some if tuple(line) not in shared for word in line] for some in lines]
    runs = [_runs(some) if len(some) >= LEAST else frozenset() for some in own]
    pairs = {
        (one, two): score
        for one, two in _candidates(runs, percent)
        if answers[one].whose != answers[two].whose
        and (score := 200.0 * len(runs[one] & runs[two]) / (len(runs[one]) + len(runs[two]))) >= percent
    }
    return [
        Alike(
            lab=lab.name,
            step=step,
            paths=tuple(answers[number].path for number in group),
            percent=round(min(score for pair, score in pairs.items() if set(pair) <= set(group)), 1),
        )
        for group in _joined(pairs)
    ]


def _runs(some: Sequence[str]) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(some[at : at + RUN]) for at in range(len(some) - RUN + 1))


def _candidates(runs: Sequence[frozenset[tuple[str, ...]]], percent: float) -> set[tuple[int, int]]:
    """Return the pairs that can reach `percent`: they share one of each other's rarest runs.

    So a class of a thousand does not take half a million comparisons.
    """
    counts = Counter(run for some in runs for run in some)
    least = percent / (200.0 - percent)  # of an answer's runs, whatever the size of the other
    index: dict[tuple[str, ...], list[int]] = {}
    for number, some in enumerate(runs):
        rarest = sorted(some, key=lambda run: (counts[run], run))
        for run in rarest[: len(some) - math.ceil(least * len(some)) + 1]:
            index.setdefault(run, []).append(number)
    return {pair for numbers in index.values() for pair in combinations(numbers, 2)}


def _joined(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups of numbers that pairs hold together, each in order."""
    group_of: dict[int, set[int]] = {}
    for one, two in pairs:
        merged = group_of.get(one, {one}) | group_of.get(two, {two})
        for number in merged:
            group_of[number] = merged
    unique = {id(group): sorted(group) for group in group_of.values()}
    return sorted(unique.values())
