"""axe-core in a page that is being tested: what a person with a screen reader or a keyboard would stumble over."""

import io
import os
import tarfile
from functools import cache
from typing import Any

from playwright.sync_api import Page

from checker.programs.fetching import folder
from checker.programs.npm import npm_archive

VERSION = "4.14.1"
INTEGRITY = "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""npm's `dist.integrity` of that version."""

SEVERE = ("serious", "critical")

RUN = """async selector => (await axe.run(selector ? {include: [selector]} : document, {
  resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
})).violations"""


@cache
def source() -> str:
    """Return axe-core's script, which npm fetches once for this cache folder."""
    kept = folder() / f"axe-core-{VERSION}.js"
    if not kept.is_file():
        packed = npm_archive(f"axe-core@{VERSION}", INTEGRITY, print)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            script = archive.extractfile("package/axe.min.js")
            assert script is not None
            kept.parent.mkdir(parents=True, exist_ok=True)
            temporary = kept.with_suffix(f".{os.getpid()}.tmp")
            temporary.write_bytes(script.read())
            temporary.replace(kept)
    return kept.read_text(encoding="utf-8")


def serious(page: Page, selector: str = "") -> list[str]:
    """Return what axe finds that is serious or critical, a line each: in the whole page, or below `selector`."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(f"{source()}; undefined")  # no script element: a page may forbid those
    found: list[dict[str, Any]] = page.evaluate(RUN, selector)
    return [
        f"{problem['id']} ({problem['impact']}): {node['html'][:200]}: {' '.join(node['failureSummary'].split())}"
        for problem in found
        if problem["impact"] in SEVERE
        for node in problem["nodes"]
    ]
