"""HTML from jinja templates: everything is escaped, and a missing value is an error."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from checker.base.plain import plain, plain_line
from checker.base.results import Outcome
from checker.report.wording import SYMBOLS, parts, remarks, standing, symbol, trouble

TEMPLATES = Path(__file__).with_name("templates")
CODE = re.compile(r"`([^`\n]+)`")
"""How people set off code in plain text."""


def environment() -> Environment:
    """Return what finds templates and renders them, with what several of them use."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        line=plain_line,
        prose=prose,
        parts=parts,
        remarks=remarks,
        standing=standing,
        symbol=symbol,
        trouble=trouble,
    )
    made.globals.update(Outcome=Outcome, SYMBOLS=SYMBOLS)
    return made


def own(name: str) -> Markup:
    """Return a file among the templates as it is: a style sheet or a script of ours."""
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704


def prose(text: str) -> Markup:
    """Return foreign text in which backticks set off code. Escaped first: nothing between them can be markup."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(plain(text).strip()))))  # noqa: S704


def _harmless(value: object) -> object:
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
