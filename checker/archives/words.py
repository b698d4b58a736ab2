"""Names of people and folders as words: how they are compared, and which words say nothing about a person."""

import re
import unicodedata
from collections.abc import Sequence

SPECIAL = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
"""Letters that Unicode does not take apart into a letter and an accent."""
EXPANDED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
"""Letters that people write as two where a keyboard or a system has no accents."""

COPY = re.compile(
    r"\s*\(\d+\)$|[\s_-]+\(?(?:copy|kopie|copie|copia)\)?(?:[\s_-]*\(?\d+\)?)?$"
    r"|^(?:copy of|kopie von|copie de|copia de)\s+",
    re.IGNORECASE,
)
"""What systems add to the name of a second copy: `ada (1)`, `ada - Copy`, `Copy of ada`."""

FILLER = frozenset(
    """
    a all an and answer answers archive aufgabe aufgaben abgabe abgaben assignment assignments attempt
    attempts attachment attachments backup blatt bulk class classes code compito content contents copy cours
    course courses current data devoir docker done download downloaded downloads draft end entwurf erledigt
    ex exercise exercises export fall feedback fertig file files final finale finally finished fixed folder
    for from gradebook gradescope graded hand handed handin hausaufgabe hausaufgaben homework homeworks hw
    in inbox kopie kurs lab laboratory labs last late latest loesung losung lsg mein meine mine moodle my
    neu new of old ordner part project projekt registry repo repos repository resubmission solution
    solutions spring step steps student students submission submissions submit submitted summer tarea task
    tasks the tp try uebung uebungen uebungsblatt upload uploads ver version versuch winter work working
    workspace workspaces zip übung übungen übungsblatt
    """.split()
)
"""Words in names of folders and archives that are about the work, not about a person; without accents."""
SECTIONS = frozenset(
    """
    class cohort classroom course group groups groupe gruppe gruppen grp grupo klasse kurs lecture period
    sec sect section sections semester seminar session seminargruppe tut tutorial tutorium ubungsgruppe
    uebungsgruppe term week wise sose ws ss year mon tue wed thu fri monday tuesday wednesday thursday friday
    saturday sunday montag dienstag mittwoch donnerstag freitag
    """.split()
)
"""Words in names of folders that hold several people's work."""
MACHINE = frozenset(
    "home users user root documents document desktop downloads mnt media volumes tmp temp private var usr c d e".split()
)
"""The first folders of whole paths: what stands below them is about a machine."""


def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a text: lower case, accents gone, everything else than letters and digits between
    them."""
    return tuple(re.findall(r"[^\W_]+", _plain(text.casefold())))


def forms(text: str) -> frozenset[tuple[str, ...]]:
    """Return a name in its usual spellings: `Jörg` as jorg and as joerg."""
    folded = unicodedata.normalize("NFC", text.casefold())
    return frozenset((tokens(folded), tokens(folded.translate(EXPANDED)))) - {()}


def orders(name: str) -> frozenset[tuple[str, ...]]:
    """Return a person's name in its usual spellings and orders: `Ada King Lovelace`, `Lovelace, Ada King`."""
    last, comma, first = name.partition(",")
    found: set[tuple[str, ...]] = set()
    for words in forms(f"{first} {last}" if comma else name):
        found |= {words, (words[-1], *words[:-1]), (*words[1:], words[0])}
    return frozenset(found | forms(name))


def squeezed(text: str) -> frozenset[str]:
    """Return the spellings of a name without anything between its words, as Canvas writes it."""
    return frozenset("".join(words) for words in orders(text))


def is_filler(word: str) -> bool:
    """Return whether a word says nothing about a person: `final`, `lab1`, `v2`, `17`."""
    bare = word.strip("0123456789")
    return not bare or bare in FILLER or bare in SECTIONS or (bare == "v" and bare != word)


def says_nothing(part: str) -> bool:
    """Return whether a folder's name says nothing about a person, but something about work, a section or a
    machine."""
    return all(is_filler(word) or re.fullmatch(r"[^\W\d]\d?", word) for word in tokens(part))


def left(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words that may be about a person."""
    return tuple(word for word in words if not is_filler(word))


def without_copy(name: str) -> str:
    """Return a name without what systems add to a second copy."""
    while (shorter := COPY.sub("", name)) != name and shorter:
        name = shorter
    return name


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.translate(SPECIAL))
    return "".join(c for c in apart if not unicodedata.combining(c))
