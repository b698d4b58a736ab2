"""How often a line of a crontab runs, as far as that matters here: every day or not. See crontab(5)."""

import re

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
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
_PART = re.compile(r"(\*|\d+(?:-\d+)?)(?:/(\d+))?")
_SETTING = re.compile(r"^\s*[A-Za-z_][A-Za-z0-9_]*\s*=")


class Line(msgspec.Struct, frozen=True):
    """One job. times: its five fields as sets of numbers; None if they are not understood or never come."""

    command: str
    times: tuple[frozenset[int], ...] | None

    @property
    def daily(self) -> bool:
        """Whether it runs at least once on every day."""
        if self.times is None:
            return False
        _, _, days, months, weekdays = self.times
        every_weekday = {day % 7 for day in weekdays} == set(range(7))
        return len(days) == 31 and len(months) == 12 and every_weekday


def lines(text: str) -> list[Line]:
    """The jobs of a crontab; remarks and settings are none."""
    found = []
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#") or _SETTING.match(stripped):
            continue
        first, _, rest = stripped.partition(" ")
        if first.startswith("@"):
            fields, command = NAMED.get(first, "").split(), rest
        else:
            parts = stripped.split(None, 5)
            fields, command = parts[:5], parts[5] if len(parts) > 5 else ""
        found.append(Line(command.strip(), _times(fields)))
    return found


def _times(fields: list[str]) -> tuple[frozenset[int], ...] | None:
    if len(fields) != 5:
        return None
    found = tuple(_numbers(field, number) for number, field in enumerate(fields))
    return found if all(found) else None


def _numbers(field: str, number: int) -> frozenset[int]:
    """The numbers that a field names; none if it is not understood."""
    low, high = RANGES[number]
    names = MONTHS if number == 3 else DAYS if number == 4 else []
    text = field.lower()
    for value, name in enumerate(names, start=1 if number == 3 else 0):
        text = text.replace(name, str(value))
    numbers: set[int] = set()
    for part in text.split(","):
        matched = _PART.fullmatch(part)
        if not matched:
            return frozenset()
        span, step = matched[1], int(matched[2] or 1)
        first, last = (low, high) if span == "*" else (int(n) for n in (span.split("-") * 2)[:2])
        if matched[2] and span.isdigit():
            last = high
        if not step or not low <= first <= last <= high:
            return frozenset()
        numbers.update(range(first, last + 1, step))
    return frozenset(numbers)
