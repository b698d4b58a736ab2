"""Uploads that ask for a blob of another repository."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from checker.services.tokens import Claims

_UPLOADS = re.compile(r"/v2/.+/blobs/uploads/?")


def without_foreign(scope: Any, claims: Claims | None) -> Any:
    """Make an upload that wants a blob of another repository an ordinary one, if the token may not pull there.

    As Docker Hub does, and as the distribution specification has it ("Mounting a blob from another repository": a
    registry that is unable to mount SHOULD return 202). Distribution's own 401 ends a push of engines that keep images
    as containerd does: they ask for whatever repository of this address they once met the blob in.
    """
    if scope["method"] != "POST" or claims is None or not _UPLOADS.fullmatch(scope["path"]):
        return scope
    asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    sources = [value for name, value in asked if name == "from"]
    if all(claims.allows(source, "pull") for source in sources):
        return scope
    kept = [(name, value) for name, value in asked if name not in ("mount", "from")]
    return {**scope, "query_string": urlencode(kept).encode()}
