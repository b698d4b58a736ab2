"""The learner's copy of the start page. Its cards are drawn anew each time it is opened."""

import json
from pathlib import Path
from typing import Any

from checker.base.errors import EnvironmentFault
from checker.notebook.home import cards
from checker.practice.whereabouts import Whereabouts

NAME = "00-start.ipynb"
MAGIC = "%labs"


def provide(shipped: Path, root: Path, labs: list[Whereabouts], jupyter: Path) -> Path | None:
    """Write the start page into `root` with what the learner has done so far; None if none is shipped.

    shipped: the folder that holds `notebooks/`. jupyter: where JupyterLab keeps its data, for the mark that says that
    this page's output is ours. A page that somebody changed is left as it is. Raises EnvironmentFault.
    """
    source = shipped / "notebooks" / NAME
    try:
        page: dict[str, Any] = json.loads(source.read_bytes())
        text = [cell["source"] for cell in page["cells"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    copy = root / NAME
    if copy.exists() and _sources(copy) != text:
        return copy
    for cell in page["cells"]:
        if MAGIC in "".join(cell["source"]):
            cell["outputs"] = [_output(labs)]
    try:
        root.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps(page, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        _sign(copy, jupyter / "data")
    except OSError as error:
        raise EnvironmentFault(
            f"The start page cannot be written to {copy}: {error.strerror}.", "Make room there and try again."
        ) from error
    return copy


def _output(labs: list[Whereabouts]) -> dict[str, Any]:
    drawn = cards(labs)
    data = {"text/html": drawn.html, "text/plain": drawn.text}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def _sources(path: Path) -> list[str | list[str]]:
    try:
        return [cell["source"] for cell in json.loads(path.read_bytes())["cells"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _sign(path: Path, data: Path) -> None:
    """Have JupyterLab trust the page: it takes styles out of what it does not trust."""
    import nbformat
    from nbformat.sign import NotebookNotary

    data.mkdir(parents=True, exist_ok=True)
    notary = NotebookNotary(data_dir=str(data))  # type: ignore[no-untyped-call]
    notary.sign(nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]
    notary.store.close()
