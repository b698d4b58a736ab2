"""The documentation says what is there: no dead link, no command or option that does not exist."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from checker.cli.app import cli
from checker.lab.catalog import Catalog

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    path
    for path in (
        *ROOT.glob("*.md"),
        *ROOT.glob("*/*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("checker/*/*.md"),
    )
    if not path.parts[len(ROOT.parts)].startswith(".")
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`((?:\.venv/bin/)?lab(?: [^`]*)?)`")
INTERNAL = {"REGISTRY_LAB_ROOM"}
"""What one process of ours tells another."""


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(text: str) -> Iterator[str]:
    """All `lab ...` that stand between backquotes or at the beginning of an indented line."""
    yield from INLINE.findall(text)
    for line in text.splitlines():
        if re.match(r"    (\.venv/bin/)?lab( |$)", line) and "─" not in line:  # no drawing
            yield line.strip()


def words(command: str) -> list[str]:
    """A command's words up to a comment, an ellipsis or the next command."""
    found = shlex.split(command.replace("...", " "), comments=True)[1:]
    for end in ("|", "&&", ";", ">"):
        if end in found:
            found = found[: found.index(end)]
    return found


def problem(command: str) -> str:
    """What is wrong with a command; empty if nothing is."""
    found: click.Command = cli
    rest = words(command)
    known = {option for param in cli.params for option in param.opts}
    while rest and isinstance(found, click.Group):
        if rest[0].startswith("-") or rest[0].isupper():  # an option, or a placeholder such as COMMAND
            break
        inner = found.get_command(click.Context(found), rest[0])
        if inner is None:
            return f"there is no command {rest[0]}"
        found, rest = inner, rest[1:]
        known |= {option for param in found.params for option in (*param.opts, *param.secondary_opts)}
    known |= {"--help", "-h"}
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
    return f"there is no option {unknown[0]}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_commands_and_options_in_the_documentation_exist(page: Path) -> None:
    wrong = {command: told for command in commands(page.read_text()) if (told := problem(command))}

    assert wrong == {}


@pytest.mark.parametrize("command", ["lab stopp 01", "lab stop --al", "lab author tets"])
def test_a_command_that_does_not_exist_would_be_found(command: str) -> None:
    assert problem(command)


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_to_files_of_the_project_lead_somewhere(page: Path) -> None:
    links = [link.partition("#")[0] for link in LINK.findall(page.read_text())]
    dead = [link for link in links if link and "://" not in link and not (page.parent / link).exists()]

    assert dead == []


def test_the_site_can_be_built_strictly(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert built.returncode == 0, built.stderr
    assert (tmp_path / "site/instructor/index.html").is_file()
    foreign = re.findall(
        r"<(?:script|link|img)[^>]+(?:src|href)=\"https?://[^\"]+", _all_pages(tmp_path / "site")
    )
    assert foreign == []


def test_a_dead_link_makes_the_site_fail(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text("[Nowhere](nowhere.md)\n")
    settings = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[0]
    (tmp_path / "mkdocs.yml").write_text(settings + "\n")

    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"],
        cwd=tmp_path,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert built.returncode != 0
    assert "nowhere.md" in built.stderr


def test_the_readme_is_short_and_names_every_lab() -> None:
    text = (ROOT / "README.md").read_text()

    assert len(text.splitlines()) < 120
    for lab in Catalog(ROOT).labs():
        row = next((line for line in text.splitlines() if line.startswith(f"| [{lab.number} ")), "")
        assert row.endswith(f"| {lab.minutes} | {lab.points} |"), lab.name
        assert f"notebooks/{lab.notebook.name}" in row


def test_every_setting_that_the_code_reads_is_documented() -> None:
    read = {
        name
        for path in (ROOT / "checker").rglob("*.py")
        for name in re.findall(r"\"(REGISTRY_LAB_[A-Z_]+)\"", path.read_text())
    } - INTERNAL

    assert {name for name in read if name not in (ROOT / "docs/operator/settings.md").read_text()} == set()


def _all_pages(site: Path) -> str:
    return "\n".join(path.read_text() for path in site.rglob("*.html"))
