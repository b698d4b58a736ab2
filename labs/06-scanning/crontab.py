"""A crontab as cron reads it: which commands it runs, with what, and on which days. See crontab(5).

What is taken and what is refused was tried with `crontab FILE` of Debian 12 (3.0pl1-162). One thing more is taken,
as cron of other systems has it: a number with a step, `5/10`, for every tenth from 5 on.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import msgspec

NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@reboot": "",
}
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
MONTHS = {
    name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
DAYS = {name: number for number, name in enumerate("sun mon tue wed thu fri sat".split())}
NAMES: tuple[Mapping[str, int], ...] = ({}, {}, {}, MONTHS, DAYS)
ALL_CASES = timedelta(days=28 * 366)
"""After 28 years, days of the week and of the month come in the same order again."""
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")
_SETTING = re.compile(r"""\s*("[^"]+"|'[^']+'|[A-Za-z_]\w*)[ \t]*=[ \t]*(.*?)[ \t]*$""", re.DOTALL)
_BLANKS = re.compile(r"[ \t]+")
_PERCENT = re.compile(r"(?<!\\)%")


class Line(msgspec.Struct, frozen=True):
    """One job.

    command: what the shell is given; input: what the command reads, after the first percent sign. times: its
    five fields as sets of numbers; None if cron does not understand them, or there is no day for it. either:
    whether the day of the month or that of the week is enough, as both are restricted. settings: of the lines
    above it.
    """

    text: str
    command: str
    input: str
    times: tuple[frozenset[int], ...] | None
    either: bool
    understood: bool
    settings: Mapping[str, str]

    def runs_on(self, day: date) -> bool:
        """Return whether it runs at least once on a day."""
        if self.times is None:
            return False
        _, _, days, months, weekdays = self.times
        by_month = day.day in days
        by_week = not weekdays.isdisjoint({0, 7} if day.isoweekday() == 7 else {day.isoweekday()})
        meets = by_month or by_week if self.either else by_month and by_week
        return day.month in months and meets

    @property
    def daily(self) -> bool:
        """Whether it runs at least once on every day."""
        return first_day_without([self]) is None


def first_day_without(lines: Sequence[Line]) -> date | None:
    """Return the next day on which none of these runs; None if there is no such day."""
    today = date.today()
    days = (today + timedelta(days=number) for number in range(ALL_CASES.days))
    return next((day for day in days if not any(line.runs_on(day) for line in lines)), None)


def lines(text: str) -> list[Line]:
    """Return the jobs of a crontab; remarks and settings are none."""
    found: list[Line] = []
    settings: dict[str, str] = {}
    for line in text.split("\n"):
        stripped = line.strip(" \t")
        if not stripped.strip() or stripped.startswith("#"):
            continue
        if setting := _SETTING.fullmatch(stripped):
            settings[_unquoted(setting[1])] = _unquoted(setting[2].rstrip("\r"))
            continue
        found.append(_job(stripped, dict(settings)))
    return found


def _job(text: str, settings: Mapping[str, str]) -> Line:
    first, *rest = _BLANKS.split(text, maxsplit=1)
    if first.startswith("@"):
        fields, command = NAMED.get(first, "").split(), "".join(rest)
        understood = first in NAMED
    else:
        parts = _BLANKS.split(text, maxsplit=5)
        fields, command = parts[:5], parts[5] if len(parts) > 5 else ""
        understood = len(parts) > 4
    times = _times(fields)
    part, *more = _PERCENT.split(command)
    return Line(
        text=text,
        command=part.replace("\\%", "%"),
        input="\n".join(more).replace("\\%", "%"),
        times=times if times and all(times) else None,
        # crontab(5): if both are restricted, i.e. do not start with *, the command runs when either matches
        either=len(fields) == 5 and not fields[2].startswith("*") and not fields[4].startswith("*"),
        understood=understood and (times is not None or not fields),
        settings=settings,
    )


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] in "\"'" and text[0] == text[-1]
    return text[1:-1] if quoted else text


def _times(fields: list[str]) -> tuple[frozenset[int], ...] | None:
    """Return the numbers that each field names; None if one of them is not understood."""
    if len(fields) != 5:
        return None
    found = [_numbers(field.lower(), number) for number, field in enumerate(fields)]
    known = tuple(numbers for numbers in found if numbers is not None)
    return known if len(known) == 5 else None


def _numbers(field: str, place: int) -> frozenset[int] | None:
    """Return the numbers that a field names: none where a range ends before it begins; None if it is not
    understood."""
    low, high = RANGES[place]
    numbers: set[int] = set()
    for part in field.split(","):
        matched = _PART.fullmatch(part)
        if not matched or (matched[1] == "*" and matched[2]):
            return None
        step = int(matched[3] or 1)
        first = low if matched[1] == "*" else _number(matched[1], place)
        last = high if matched[1] == "*" or (matched[3] and not matched[2]) else first
        if matched[2]:
            last = _number(matched[2], place)
        if first is None or last is None or not step or not (low <= first <= high and low <= last <= high):
            return None
        numbers.update(range(first, last + 1, step))
    return frozenset(numbers)


def _number(text: str, place: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else NAMES[place].get(text)
