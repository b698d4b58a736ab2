"""Whose a submission is, by the names of the folders and archives it lies in.

Evidence has to be whole: a login, number or mail address that is a word of its own, or a full name. The end of a
word, a row's number, or a first name that somebody else has too are none. Two people for one name are nobody.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from checker.archives.names import stem
from checker.archives.platforms import Named, named
from checker.archives.words import is_filler, left, orders, says_nothing, squeezed, tokens, without_copy
from checker.base.results import Person

Words = tuple[str, ...]
LONG = 4
"""Digits from which on a number is nobody's row, lab or group."""
ROW = 8
"""Words in a row that one key may have."""
YEAR = re.compile(r"(19|20)\d\d")
FIELD = re.compile(r"_+|\s+-+\s+|[()\[\]]")
"""What stands between a name and something else, rather than within a name."""
PARTICIPANT = re.compile(r"(?:teilnehmer\S*?|participant\S*?|[^\W\d][^\d@]*\s)\s*(\d+)", re.IGNORECASE)
"""How Moodle's grading worksheet calls people: `Participant 4711`, `Teilnehmer/in4711`, with a space elsewhere."""


class Match(msgspec.Struct, frozen=True):
    """Words of a folder's name that stand for a person. alone: they only count if all others say nothing."""

    person: int
    start: int
    end: int
    alone: bool


class OwnerKeys:
    """What the people of a class may be called by."""

    def __init__(self, people: Sequence[Person]) -> None:
        self._people = people
        self._logins: list[set[Words]] = []
        """Identifier, login and mail address of each."""
        self._names: list[frozenset[Words]] = []
        self._mailboxes: list[Words] = []
        self._first_names: dict[str, set[int]] = {}
        self._of_row: dict[Words, list[int]] = {}
        for number, person in enumerate(people):
            given = {tokens(key) for key in (person.identifier, person.login, person.email)}
            self._logins.append(given - {()})
            self._names.append(orders(person.name))
            self._mailboxes.append(tokens(person.email.partition("@")[0]))
            for word in {word for words in self._names[-1] for word in words}:
                self._first_names.setdefault(word, set()).add(number)
            for row in {*self._logins[-1], *self._names[-1], self._mailboxes[-1]}:
                self._of_row.setdefault(row, []).append(number)

    def match(self, trail: Words, known: frozenset[str]) -> Person | None:
        """Return the one person a trail of names leads to, outermost first.

        What a platform named decides where there is such a name. Below it, the learner's own names only say who
        it is if they do not contradict.
        """
        parts = [stem(part) for part in trail]
        platform = next(((at, found) for at, part in enumerate(parts) if (found := named(part))), None)
        if platform is None:
            return self._by_names(parts, known)
        at, found = platform
        if found.kind == "gradescope":
            return None  # the number is of the submission; who it is stands in Gradescope's own list
        if (number := self._by_platform(found)) is not None:
            return self._people[number]
        if found.logins:
            return None
        for part in (stem(found.file), *parts[at + 1 :]):
            person = self._by_words(part, known)
            if person and (_fits(found, person) if person.name else any(map(_has_digit, tokens(part)))):
                return person
        return None

    def _by_names(self, parts: Sequence[str], known: frozenset[str]) -> Person | None:
        person = None
        for part in parts:
            weak = not _may_stand_among_others(tokens(part))
            if person is None:
                person = self._by_words(part, known)
                if person and weak and not self._is_all_about(person, parts):
                    person = None  # a row's number, or an attempt's or section's that happens to be one
            elif not weak and self.find(part) not in (None, person):
                return None  # one person's folder in another's, or in that of a section called like one
        return person

    def _is_all_about(self, person: Person, parts: Sequence[str]) -> bool:
        """Return whether all words of a trail that may be about a person are this person's."""
        own = set(tokens(f"{person.identifier} {person.login} {person.email}"))
        own |= {word for words in orders(person.name) for word in words}
        return all(word in own for part in parts for word in left(tokens(part)))

    def find(self, text: str) -> Person | None:
        """Return the one person of whom a whole text is a key."""
        number = self._whole(text)
        return None if number is None else self._people[number]

    def _by_platform(self, found: Named) -> int | None:
        if found.logins:
            numbers = (self._of_login(login) for login in found.logins)
            return next((number for number in numbers if number is not None), None)
        if found.kind == "moodle" and (number := self._participant(found)) is not None:
            return number
        same = self._called(found)
        if found.kind != "brightspace":  # whose numbers are in no list that an instructor gets
            numbered = [n for n, person in enumerate(self._people) if found.number == person.identifier]
            if numbered and (numbered[0] in same or not self._people[numbered[0]].name):
                return numbered[0]
        if found.kind == "moodle" and len(same) == 1 and _participant(self._people[same[0]]):
            return None  # Moodle's own number says that it is somebody else of that name
        return same[0] if len(same) == 1 else None

    def _of_login(self, text: str) -> int | None:
        """Return the person of whom a text is the login; where the roster has none, the mail address without
        its host."""
        login = text.casefold()
        found = [n for n, person in enumerate(self._people) if login in _exact(person)] or [
            n
            for n, person in enumerate(self._people)
            if not person.login and login == person.email.partition("@")[0].casefold()
        ]
        return found[0] if len(found) == 1 else None

    def _called(self, found: Named) -> list[int]:
        """Return the people whose full name a platform's name is."""
        if found.kind == "canvas":
            wanted = squeezed(found.name)
            return [n for n, person in enumerate(self._people) if wanted & squeezed(person.name)]
        spelled = set(orders(found.name))
        if found.kind == "moodle":  # `Group A-Ada Lovelace`
            for hyphen in re.finditer("-", found.name):
                if says_nothing(found.name[: hyphen.start()]):
                    spelled |= orders(found.name[hyphen.end() :])
        return [n for n, names in enumerate(self._names) if spelled & names]

    def _participant(self, found: Named) -> int | None:
        """Return the person whose number in Moodle's grading worksheet (`Participant 4711`) is in the
        folder's name."""
        numbered = [n for n, person in enumerate(self._people) if found.number == _participant(person)]
        if len(numbered) != 1:
            return None
        person = self._people[numbered[0]]
        anonymous = tokens(f"{found.name} {found.number}") == tokens(_apart(person.identifier))
        if anonymous or not person.name or _fits(found, person) or self._in_group(found, numbered[0]):
            return numbered[0]
        return None

    def _in_group(self, found: Named, number: int) -> bool:
        """Return whether Moodle put the name of a group and a hyphen in front of the person's name."""
        return any(
            orders(found.name[match.end() :]) & self._names[number] for match in re.finditer("-", found.name)
        )

    def _whole(self, text: str) -> int | None:
        """Return the person of whom a whole text is the identifier, login, mail address, name or mailbox."""
        words = tokens(text)
        spelled = orders(text)
        for tier in (
            {n for n, p in enumerate(self._people) if text.casefold() in _exact(p)},
            {n for n, keys in enumerate(self._logins) if words and words in keys},
            {n for n, names in enumerate(self._names) if spelled & names},
            {n for n, mailbox in enumerate(self._mailboxes) if words and words == mailbox},
        ):
            if tier:
                break
        else:
            return None
        if len(tier) > 1:
            return None
        (number,) = tier
        sure = words in self._logins[number] or spelled & self._names[number]
        return number if sure or self._is_mailbox_of_one(words, number) else None

    def _by_words(self, part: str, known: frozenset[str]) -> Person | None:
        for text in dict.fromkeys((part, without_copy(part))):
            if (number := self._whole(text)) is not None:
                return self._people[number]
        text = without_copy(part)
        words = tokens(text)
        found = list(self._matches(text, words))
        found = [one for one in found if not any(_within(one, other) for other in found)]
        sure = {one.person for one in found if not one.alone or self._rest_says_nothing(one, words, known)}
        full = {one.person for one in found if words[one.start : one.end] in self._names[one.person]}
        if len(sure) == 1 and full <= sure:
            return self._people[sure.pop()]
        return None

    def _matches(self, text: str, words: Words) -> Iterator[Match]:
        """Yield all words in a row that are a key of somebody."""
        fields = {tokens(field) for field in FIELD.split(text)}
        for start in range(len(words)):
            for end in range(start + 1, min(len(words), start + ROW) + 1):
                row = words[start:end]
                for number in self._of_row.get(row, ()):
                    if row in self._logins[number] and _may_stand_among_others(row):
                        yield Match(number, start, end, alone=_is_a_plain_word(row))
                    elif len(row) > 1 and row in self._names[number]:
                        yield Match(number, start, end, alone=row not in fields)
                    elif (
                        row == self._mailboxes[number]
                        and _may_stand_among_others(row)
                        and self._is_mailbox_of_one(row, number)
                    ):
                        yield Match(number, start, end, alone=not any(map(_has_digit, row)))

    def _is_mailbox_of_one(self, words: Words, number: int) -> bool:
        """Return whether a mail address without its host is not also the name of somebody else."""
        return not any(self._first_names.get(word, set()) - {number} for word in words)

    def _rest_says_nothing(self, match: Match, words: Words, known: frozenset[str]) -> bool:
        own = {word for names in self._names[match.person] for word in names}
        own |= {word for key in self._logins[match.person] for word in key}
        rest = (*words[: match.start], *words[match.end :])
        return all(is_filler(word) or word in known or word in own for word in rest)


def _exact(person: Person) -> set[str]:
    keys = (person.identifier, person.login, person.email)
    return {key.casefold() for key in keys if key}


def _participant(person: Person) -> str:
    """Moodle's number of a person in a grading worksheet; empty if the identifier is none of those."""
    found = PARTICIPANT.fullmatch(person.identifier)
    return found[1] if found else ""


def _apart(identifier: str) -> str:
    return re.sub(r"(?<=\D)(?=\d)", " ", identifier)


def _fits(found: Named, person: Person) -> bool:
    """Return whether a platform's name may be that of a person of the roster."""
    if not found.name:
        return True
    if found.kind == "canvas":
        return bool(squeezed(found.name) & squeezed(person.name))
    return bool(orders(found.name) & orders(person.name))


def _may_stand_among_others(words: Iterable[str]) -> bool:
    """Return whether words can be told from a number of a lab, row, group, year or day, and from a lone
    letter."""
    text = "".join(words)
    if text.isdigit():
        return len(text) >= LONG and not YEAR.fullmatch(text) and len(tuple(words)) == 1
    return len(text) > 1


def _is_a_plain_word(words: Words) -> bool:
    """Return whether it is one word of letters, which may be somebody's first name or the end of another
    login."""
    return len(words) == 1 and not _has_digit(words[0])


def _has_digit(word: str) -> bool:
    return any(c.isdigit() for c in word)


def _within(one: Match, other: Match) -> bool:
    """Return whether the words of one are some of the words of the other."""
    return (
        other.start <= one.start
        and one.end <= other.end
        and (other.end - other.start) > (one.end - one.start)
    )
