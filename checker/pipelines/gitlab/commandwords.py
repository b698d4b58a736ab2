"""The words of a `kubectl` command line: options, their values, and what is named."""

import itertools
import re

WHERE = (
    "-n", "--namespace", "--context", "--kubeconfig", "--server", "-s", "--token", "--cluster", "--user",
    "--certificate-authority", "--request-timeout",
)  # fmt: skip
"""Options of every command that say which cluster is meant; there is one."""
WITH_VALUE = (
    "-o", "--output", "-p", "--patch", "--patch-file", "--type", "--timeout", "-c", "--containers", "-l",
    "--selector", "--field-manager", "--revision", "--for", "-f", "--filename", "-k", "--kustomize",
)  # fmt: skip
"""Options whose value may be the next word, so that it names nothing."""
FILES = ("-f", "--filename", "-k", "--kustomize")
IGNORED = ("--record", "--insecure-skip-tls-verify", "--wait", "--force", "--server-side")


def without_where(words: list[str]) -> list[str]:
    left = without(words, WHERE)
    return [word for word in left if word.partition("=")[0] not in IGNORED]


def without(words: list[str], options: tuple[str, ...]) -> list[str]:
    """Return the words but for options with a value, which may be the next word."""
    left: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in options:
            skip = True
        elif word.partition("=")[0] not in options:
            left.append(word)
    return left


def no_output(words: list[str]) -> list[str]:
    left = without(words, ("-o", "--output"))
    return [word for word in left if not re.match("-o.", word)]


def named(words: list[str]) -> list[tuple[int, str]]:
    """Return the words that are neither options nor values of options, each with its place."""
    return [
        (place, word)
        for place, (before, word) in enumerate(itertools.pairwise(["", *words]))
        if not word.startswith("-") and before not in WITH_VALUE
    ]


def value_of(words: list[str], options: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return what options have as their values, in any form that kubectl takes: `-o X`, `-o=X`, `-oX`."""
    found: list[tuple[str, str]] = []
    for before, word in itertools.pairwise(["", *words]):
        if before in options:
            found.append((before, word))
        elif before in WITH_VALUE or word in options:
            continue
        elif match := re.match(r"(--[\w-]+)=(.*)|(-\w)=?(.+)", word, re.DOTALL):
            option, value = match[1] or match[3], match[2] if match[1] else match[4]
            found += [(option, value)] if option in options else []
    return found


def output(words: list[str]) -> str:
    """Return the form in which something is to be printed; empty if none is asked for."""
    return next((value for _, value in value_of(words, ("-o", "--output"))), "")


def dry_run(words: list[str]) -> str:
    """Return whether something is only to be tried: client or server; empty if not."""
    asked = [word.partition("=")[2] or "client" for word in words if word.partition("=")[0] == "--dry-run"]
    return asked[-1] if asked and asked[-1] not in ("none", "false") else ""


def files(words: list[str]) -> list[tuple[str, str]]:
    """Return the files and folders that are named, each with the option that names it."""
    return [(option, file) for option, value in value_of(words, FILES) for file in value.split(",")]
