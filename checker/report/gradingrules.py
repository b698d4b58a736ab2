"""`grading.toml`: what an instructor wants points to be worth. `checker.report.grades` applies it.

Read strictly: a key that means nothing is an error that names the line, since a misspelt rule that is silently
left out would be a wrong mark.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec

from checker.base import texts
from checker.base.errors import UsageError
from checker.base.model import Lab

Text = Annotated[str, msgspec.Meta(min_length=1)]
Shape = TypeVar("Shape")

RANGES = {
    "cap_percent": (100, 1000),
    "costs_percent": (0, 100),
    "grace_minutes": (0, 1_000_000),
    "keep_percent": (0, 100),
    "percent_per_day": (0, 100),
    "weight": (0, 1000),
}
"""What each number may be, wherever it stands."""


class Partial(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one finding costs instead of the whole step, and the reason its learner is told."""

    finding: Text
    costs_percent: Decimal
    reason: Text


class StepRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    weight: Decimal = Decimal(1)
    extra_credit: bool = False
    partial: tuple[Partial, ...] = ()


class LabRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    weight: Decimal = Decimal(1)
    steps: dict[str, StepRules] = {}


class Late(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Each day begun after the due time costs; up to the grace nothing does; something is always kept."""

    percent_per_day: Decimal
    grace_minutes: int = 0
    keep_percent: Decimal = Decimal(0)


class GradingRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of a grading.toml. labs: by number, topic or full name, as on the command line."""

    cap_percent: Decimal | None = None
    late: Late | None = None
    labs: dict[str, LabRules] = {}

    def lab(self, name: str) -> LabRules:
        """Return the rules for a lab by its full name."""
        number, _, topic = name.partition("-")
        return next((self.labs[key] for key in (name, number, topic) if key in self.labs), LabRules())


def read(path: Path, labs: Iterable[Lab] = ()) -> GradingRules:
    """Read a grading.toml. labs: those there are; where given, rules for any other are refused.

    Raises UsageError with file, line and what would be right.
    """
    try:
        text = texts.read(path)
    except OSError as error:
        raise UsageError(
            f"Cannot read {path}: {error.strerror}.", "Name a grading.toml that can be read."
        ) from None
    return parse(text, str(path), labs)


def parse(text: str, name: str = "grading.toml", labs: Iterable[Lab] = ()) -> GradingRules:
    """Return the rules in the text of a grading.toml called `name`. Raises UsageError."""
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{name}: {texts.toml_problem(text, error)}.",
            "Mend the file's TOML; checker/report/README.md has an example.",
        ) from None
    except RecursionError:
        raise UsageError(f"{name}: lists in it are nested too deeply.", "Mend the file's TOML.") from None
    reader = _RulesReader(name, text)
    rules = reader.rules(content)
    if labs := tuple(labs):
        reader.refuse_unknown(rules, labs)
    return rules


class _RulesReader:
    """Converts table by table, so that whatever is wrong has a place."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text

    def rules(self, content: dict[str, Any]) -> GradingRules:
        shallow = {key: value for key, value in content.items() if key not in ("late", "labs")}
        found = self._converted(shallow, GradingRules, ())
        late = self._converted(content["late"], Late, ("late",)) if "late" in content else None
        labs = {
            lab: self._lab(table, ("labs", lab))
            for lab, table in self._table(content.get("labs", {}), ("labs",)).items()
        }
        return GradingRules(cap_percent=found.cap_percent, late=late, labs=labs)

    def refuse_unknown(self, rules: GradingRules, labs: tuple[Lab, ...]) -> None:
        claimed: dict[str, str] = {}
        for key, of_lab in rules.labs.items():
            lab = next((lab for lab in labs if key in (lab.name, lab.number, lab.topic)), None)
            if lab is None:
                self._refuse(("labs", key), f"there is no lab {key!r}", [lab.name for lab in labs], key)
            if other := claimed.get(lab.name):
                self._refuse(("labs", key), f"{key!r} and {other!r} are one lab: its rules belong together")
            claimed[lab.name] = key
            for step in of_lab.steps:
                if lab.step(step) is None:
                    place = ("labs", key, "steps", step)
                    self._refuse(
                        place, f"lab {lab.name} has no step {step!r}", [step.name for step in lab.steps], step
                    )

    def _lab(self, table: Any, place: tuple[str, ...]) -> LabRules:
        table = self._table(table, place)
        found = self._converted({k: v for k, v in table.items() if k != "steps"}, LabRules, place)
        inside = (*place, "steps")
        steps = {
            step: self._step(entry, (*inside, step))
            for step, entry in self._table(table.get("steps", {}), inside).items()
        }
        return LabRules(weight=found.weight, steps=steps)

    def _step(self, table: Any, place: tuple[str, ...]) -> StepRules:
        table = self._table(table, place)
        found = self._converted({k: v for k, v in table.items() if k != "partial"}, StepRules, place)
        entries = table.get("partial", [])
        inside = (*place, "partial")
        if not isinstance(entries, list):
            self._refuse(inside, f"`partial` is a list of tables: write [[{'.'.join(inside)}]]")
        partial = tuple(
            self._converted(entry, Partial, (*inside, str(number))) for number, entry in enumerate(entries)
        )
        seen: set[str] = set()
        for number, rule in enumerate(partial):
            if rule.finding in seen:
                self._refuse((*inside, str(number), "finding"), f"the finding {rule.finding!r} stands twice")
            seen.add(rule.finding)
        return StepRules(weight=found.weight, extra_credit=found.extra_credit, partial=partial)

    def _table(self, value: Any, place: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._refuse(place, f"`{place[-1]}` is a table")
        return dict(value)

    def _converted(self, table: Any, shape: type[Shape], place: tuple[str, ...]) -> Shape:
        self._table(table, place or ("",))
        known = [field.name for field in msgspec.structs.fields(shape)]  # type: ignore[arg-type]
        for key in table:
            if key not in known:
                self._refuse((*place, key), f"unknown key {key!r}", known, key)
            if key in RANGES:
                self._in_range(table[key], (*place, key), *RANGES[key])
        try:
            return msgspec.convert(table, shape)
        except msgspec.ValidationError as error:
            what, _, where = str(error).partition(" - at `$.")
            key = where.strip("`")
            self._refuse((*place, key) if key else place, f"{key}: {what}" if key else what)

    def _in_range(self, value: Any, place: tuple[str, ...], low: int, high: int) -> None:
        number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if not number or not Decimal(value).is_finite() or not low <= value <= high:
            self._refuse(place, f"`{place[-1]}` is a number from {low} to {high}")

    def _refuse(
        self, place: tuple[str, ...], problem: str, known: Iterable[str] = (), given: str = ""
    ) -> NoReturn:
        known = list(known)
        meant = difflib.get_close_matches(given, known, n=1)
        action = f"Did you mean {meant[0]!r}?" if meant else f"There is: {', '.join(known)}." if known else ""
        line = line_of(self.text, place)
        raise UsageError(
            f"{self.name}{f', line {line}' if line else ''}: {problem}.",
            action or 'See "What points are worth" in checker/report/README.md.',
        )


_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"\n]*"|'[^'\n]*')(?:\s*\.\s*(?:[\w-]+|"[^"\n]*"|'[^'\n]*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"\n]*"|'[^'\n]*'""")


def line_of(text: str, place: tuple[str, ...]) -> int | None:
    """Return the line of a key or table, or of the nearest table around it; None where nothing of it is
    there.

    place: keys from the outside in; the number of a table in a list of tables stands as a key.
    """
    best: tuple[int, int] | None = None
    for number, path in _places(text):
        common = path[: len(place)] == place[: len(path)]
        depth = min(len(path), len(place))
        if common and depth and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None


def _places(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    table: tuple[str, ...] = ()
    lists: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = ()
            for part in _parts(header[2]):
                table = (*table, part)
                if table in lists and table != _parts(header[2]):
                    table = (*table, str(lists[table]))
            if header[1] == "[[":
                lists[table] = lists.get(table, -1) + 1
                table = (*table, str(lists[table]))
            yield number, table
        elif key := _KEY.match(line):
            yield number, (*table, *_parts(key[1]))


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
