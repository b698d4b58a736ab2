"""Lists in parts, as Docker Hub gives them."""

from collections.abc import Sequence
from typing import TypeVar

from checker.services.hub.shapes import Page, PageQuery
from checker.services.web import Call, Problem

T = TypeVar("T")
LARGEST_PAGE = 100


def page(call: Call, address: str, everything: Sequence[T]) -> Page[T]:
    """Return the part that a call asks for. Raises Problem 404 if the list does not go on so far."""
    query: PageQuery = call.query
    size = min(query.page_size, LARGEST_PAGE)
    first = (query.page - 1) * size
    if query.page > 1 and first >= len(everything):
        raise Problem(404, f"There is no page {query.page}.")

    def link(number: int) -> str:
        return f"http://{address}{call.request.url.path}?page={number}&page_size={size}"

    return Page(
        len(everything),
        link(query.page + 1) if first + size < len(everything) else None,
        link(query.page - 1) if query.page > 1 else None,
        list(everything[first : first + size]),
    )
