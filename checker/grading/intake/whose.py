"""Whose each of many submissions is: which names on the way to it are a person's, and which a section's or a class's.

One person hands in a lab once. So a folder below which a lab lies several times, under different names, is not a
person's but holds several people's work, as a folder for each section of a class does.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from checker.archives.names import is_archive, stem
from checker.archives.platforms import USER, named, with_user
from checker.archives.words import MACHINE, left, says_nothing, tokens, without_copy
from checker.base.model import Lab
from checker.base.results import Person
from checker.grading.intake.gradescope import Submitter
from checker.grading.intake.guessing import guess
from checker.grading.intake.places import HandedInPlace
from checker.grading.intake.roster import Roster

Trail = tuple[str, ...]
Key = tuple[Path, Trail]


class Owner(msgspec.Struct, frozen=True):
    """Whose something is. others: who handed it in together with them. section: the folders of several people that it
    lies in."""

    person: Person | None
    others: tuple[Person, ...] = ()
    section: str = ""


class Whose:
    """What is known about the names in one class. roster: None without one."""

    def __init__(self, found: Sequence[HandedInPlace], labs: Iterable[Lab], roster: Roster | None) -> None:
        self._roster = roster
        self._words = frozenset(word for lab in labs for word in tokens(lab.name))
        self._several = len({place.named for place in found}) > 1
        self._repositories = [place.top.name for place in found if (place.top / ".git").is_dir()]
        self._ends: set[Key] = set()
        self._labs: dict[Path, list[str]] = {}
        self._children: dict[Key, dict[str, set[str]]] = {}
        for place in found:
            self._ends.add((place.named, place.trail))
            lab = place.lab.name if place.lab else ""
            self._labs.setdefault(place.named, []).append(lab)
            for at, part in enumerate(place.trail):
                children = self._children.setdefault((place.named, place.trail[:at]), {})
                children.setdefault(part, set()).add(lab)
        self._holds_several: dict[Key, bool] = {}

    def of(self, root: Path, trail: Trail, top: Path, submitters: Sequence[Submitter] = ()) -> Owner:
        """Return whose what lies at the end of a trail is. root: the path on the command line it begins
        below."""
        if submitters:
            people = [person for one in submitters if (person := self._submitter(one))]
            return Owner(people[0] if people else None, tuple(people[1:]))
        cut = max((at for at in range(1, len(trail) + 1) if self._is_several((root, trail[:at]))), default=0)
        own = trail[cut:] or trail[-1:]
        own = (with_user(own[0], self._children.get((root, trail[: len(trail) - len(own)]), ())), *own[1:])
        around = root.name if root.is_dir() and not self._is_several((root, ())) else ""
        if self._roster:
            person = self._match(root, trail, cut, own, around)
            if person:
                return Owner(person)
        if around and not says_nothing(around):
            sole = all(says_nothing(stem(part)) for part in own) and not self._handed_twice(root)
            own = (around, *own) if self._several or sole else own
        beside = self._repositories if top.name in self._repositories else ()
        person = guess(_without_machine(own), beside)
        of_platform = any(named(stem(part)) for part in own)
        outer = (root.name,) if root.is_dir() and self._several and not around else ()
        section = "" if of_platform else "/".join((*outer, *trail[:cut]))
        return Owner(person and self._unlisted(person, own), section=section)

    def of_all(self, found: Sequence[HandedInPlace]) -> list[Owner]:
        """Return whose each is. Two sections may have somebody of one name, who are then called by their
        sections too."""
        owners = [self.of(place.named, place.trail, place.top, place.submitters) for place in found]
        sections: dict[tuple[str, str], set[str]] = {}
        for place, one in zip(found, owners, strict=True):
            if one.person:
                lab = place.lab.name if place.lab else ""
                sections.setdefault((lab, one.person.identifier), set()).add(one.section)
        twice = {name for (_, name), where in sections.items() if len(where) > 1}
        return [_in_section(one) if one.person and one.person.identifier in twice else one for one in owners]

    def _unlisted(self, person: Person, own: Trail) -> Person:
        """Somebody who is not on the roster, under a name that nobody has who is."""
        if self._roster and self._roster.find(person.identifier):
            return Person(identifier=f"{own[0].replace(USER, '')} (not on the roster)", name=person.name)
        return person

    def _match(self, root: Path, trail: Trail, cut: int, own: Trail, around: str) -> Person | None:
        assert self._roster
        person = self._roster.match(_evidence(own), self._known(root, trail, cut))
        if person is None and around:
            person = self._roster.match((around,), self._words)
        for at, part in enumerate(trail[:cut]):
            children = self._children.get((root, trail[: at + 1]), {})
            if not is_archive(Path(part)) or any(named(stem(child)) for child in children):
                continue  # a section may be called like a person, and a platform's download as it likes
            if (other := self._roster.match((part,))) and other != person:
                return None  # a person's archive, with folders in it that are called like others
        return person

    def _known(self, root: Path, trail: Trail, cut: int) -> frozenset[str]:
        """Words that say nothing about a person: those of labs, and those that all names beside begin with."""
        beside = [tokens(stem(name)) for name in self._children.get((root, trail[:cut]), ())]
        if len(beside) < 2:
            return self._words
        same = 0
        while all(len(words) > same + 1 and words[same] == beside[0][same] for words in beside):
            same += 1
        return self._words | frozenset(beside[0][:same])

    def _submitter(self, one: Submitter) -> Person | None:
        keys = [key for key in (one.sid, one.email, one.name) if key]
        if self._roster:
            listed = next((person for key in keys if (person := self._roster.find(key))), None)
            if listed:
                return listed
        return Person(identifier=keys[0], name=one.name, email=one.email) if keys else None

    def _handed_twice(self, root: Path) -> bool:
        """Return whether some lab lies at several places below a path of the command line."""
        labs = self._labs.get(root, [])
        return len(labs) > len(set(labs))

    def _is_several(self, key: Key) -> bool:
        if key not in self._holds_several:
            self._holds_several[key] = self._holds(key)
        return self._holds_several[key]

    def _holds(self, key: Key) -> bool:
        """Return whether what lies below a folder or archive is several people's."""
        root, trail = key
        children = self._children.get(key, {})
        if not children or (trail and named(stem(trail[-1]))):
            return False
        if trail and (root.joinpath(*trail) / ".git").is_dir():
            return False  # a person's or a group's, whatever they call their folders
        by_platform = {found.who for child in children if (found := named(stem(child)))}
        if len(by_platform) > 1 or (by_platform and root.is_file() and len(trail) == 1):
            return True
        if any(self._is_several((root, (*trail, child))) for child in children):
            return True
        if key in self._ends:
            return False
        if self._roster:
            listed = {p.identifier for child in children if (p := self._roster.match((child,), self._words))}
            if len(listed) > 1:
                return True
            if (
                trail
                and not "".join(tokens(trail[-1])).isdigit()
                and self._roster.match(trail[-1:], self._words)
            ):
                return False
        telling: dict[str, set[Trail]] = {}
        for child, labs in children.items():
            if words := left(tokens(without_copy(stem(child)))):
                for lab in labs:
                    telling.setdefault(lab, set()).add(words)
        return any(len(names) > 1 for names in telling.values())


def _in_section(owner: Owner) -> Owner:
    if not owner.person or owner.person.listed or not owner.section:
        return owner
    name = f"{owner.section}/{owner.person.identifier}"
    return msgspec.structs.replace(owner, person=msgspec.structs.replace(owner.person, identifier=name))


def _evidence(trail: Trail) -> Trail:
    """Return a trail without what a whole path of a machine says: whose that was may not be who handed it
    in."""
    for at, part in enumerate(trail):
        if _is_of_a_machine(part):
            return (*trail[:at], *(inner for inner in trail[at:] if named(stem(inner))))
    return trail


def _without_machine(trail: Trail) -> Trail:
    return tuple(part for part in trail if not _is_of_a_machine(part)) or trail


def _is_of_a_machine(part: str) -> bool:
    words = tokens(part)
    return len(words) == 1 and words[0] in MACHINE
