"""The login that a client sends along with a push or pull (Docker Engine API, "Authentication")."""

import base64
import binascii
import json

HEADER = "x-registry-auth"


def readdressed(auth: str, registry: str) -> str:
    """Return an `X-Registry-Auth` that is for this registry, `127.0.0.1:PORT`, whatever it was for; empty stays empty.

    An engine that keeps images as containerd does uses a login only for the registry it names, others never look.
    """
    try:
        found = json.loads(base64.urlsafe_b64decode(auth + "=" * (-len(auth) % 4)))
    except (ValueError, binascii.Error):
        return auth  # the engine will say so
    if not isinstance(found, dict) or not found:
        return auth
    kept = {key: value for key, value in found.items() if key.lower() != "serveraddress"}
    text = json.dumps(kept | {"serveraddress": registry})
    return base64.urlsafe_b64encode(text.encode()).decode()
