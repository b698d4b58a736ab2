"""Secrets that are written down in a text: tokens by their form, what docker's client keeps of a login, and values of
variables that are called like secrets.

The forms of tokens are those of detect-secrets, and a few that it does not know. Its other ways to find something,
entropy and names, are not used: they take a commit's ID for a secret and a switch such as PERSIST_CREDENTIALS too.
"""

import base64
import binascii
import importlib
import json
import re
from collections.abc import Callable, Iterator
from functools import cache

FORMS = re.compile(
    r"\bdckr_[po]at_[A-Za-z0-9_-]{10,}|\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{10,}|\bgithub_pat_\w{10,}|"
    r"\bglpat-[A-Za-z0-9_-]{10,}|\bxox[bp]-[A-Za-z0-9-]{10,}|\bnpm_[A-Za-z0-9]{30,}|\bhvs\.[A-Za-z0-9_-]{20,}|"
    r"\bAKIA[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY"
)
TOKEN = re.compile(r"\bdckr_[po]at_[A-Za-z0-9_-]{20,}|\bgh[pousr]_[A-Za-z0-9]{36}|\bglpat-[A-Za-z0-9_-]{20,}")
"""Tokens that a run may make, as a whole."""
DETECTORS = (
    "aws:AWSKeyDetector azure_storage_key:AzureStorageKeyDetector github_token:GitHubTokenDetector "
    "jwt:JwtTokenDetector gitlab_token:GitLabTokenDetector npm:NpmDetector openai:OpenAIDetector "
    "private_key:PrivateKeyDetector pypi_token:PypiTokenDetector sendgrid:SendGridDetector slack:SlackDetector "
    "stripe:StripeDetector"
).split()
NAMED = re.compile(
    r"(?:password|passwd|passphrase|token|secret|api_?key|private_?key|access_?key|secret_?key|credentials?)(?:_?\d+)?$|"
    r"(?:^|[_-])(?:pass|pw|pwd|pat)(?:_?\d+)?$",
    re.IGNORECASE,
)
"""How variables are called that hold a secret, and not what is said about one, as PASSWORD_FILE or TOKEN_TTL."""
SWITCHES = frozenset(
    "~ null none true false yes no on off always never enabled disabled auto default required optional inherit read "
    "write id".split()
)
NO_SECRET = re.compile(
    r"""(?x)
    [./~][\w./~-]*              # a path
    | [\w.-]*\.(?:txt|pem|key|json|ya?ml|env)   # a file
    | \d{1,5}                   # a number
    | [A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+             # the name of a variable
    | https?://\S+              # an address; one with a password in it is told for itself
    | <[^>]*> | \*+ | [xX]{3,}  # a place for one
    """
)
ENTRY = re.compile(
    r"""["']?(?P<key>auth|identitytoken|registrytoken|password|_authToken|_auth)\\?["']?\s*[:=]\s*"""
    r"""(?P<quote>\\?["']?)(?P<value>[^"'\\\s,}]+)"""
)
"""One entry of docker's configuration or npm's."""
IN_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s:/@$%{}<>\"']+:([^\s:/@$%{}<>*\"']{3,})@")
ENCODED = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/]{12,}={0,2}(?![A-Za-z0-9+/=_-])")
PAIR = re.compile(r"[A-Za-z0-9._@+-]{1,64}:[\x21-\x7e]{3,}")
LONGEST = 100_000


def written(text: str) -> str:
    """Return what secret stands in a text, whatever it belongs to, in words; empty if there is none.

    Example: `written('{"auths": {"x": {"auth": "YWRhOmxvdmVsYWNl"}}}')` is "a login of docker's configuration".
    """
    text = text[:LONGEST]
    if "PRIVATE KEY" in text and (FORMS.search(text) or _by_form(text)):
        return "a private key"
    if FORMS.search(text) or _by_form(text):
        return "something that looks like an access token"
    if IN_ADDRESS.search(text):
        return "an address with a password in it"
    if any(_entry(found["key"], found["value"]) for found in ENTRY.finditer(text)):
        return "a login of docker's configuration" if "auth" in text else "a password"
    for encoded in _decoded(text):
        if PAIR.fullmatch(encoded):
            return "a name and a password in base64"
        if re.search(r'"auths?"\s*:', encoded) and written(encoded):
            return "a login of docker's configuration in base64"
    return ""


def named(name: str, value: str) -> bool:
    """Return whether a variable of this name has a secret for its value: neither nothing nor a switch, a
    path, or a reference to where the secret is.

    Example: `named("PERSIST_CREDENTIALS", "false")` is False, `named("API_TOKEN", "x7Qk")` is True.
    """
    value = value.strip().strip("\"'")
    if not NAMED.search(name) or not value or "$" in value or "{{" in value:
        return False
    return value.lower() not in SWITCHES and not NO_SECRET.fullmatch(value)


def _entry(key: str, value: str) -> bool:
    """Return whether an entry of a configuration holds a login itself."""
    if "$" in value or "{" in value or "<" in value:
        return False
    if key in ("auth", "_auth"):
        return ":" in _plain(value)[:-1]
    if key == "password":
        return False  # told by the variable's or the option's own name
    return len(value) >= 8


def _decoded(text: str) -> Iterator[str]:
    for found in ENCODED.finditer(text):
        if decoded := _plain(found[0]):
            yield decoded


def _plain(encoded: str) -> str:
    """Return what is written in base64; empty if it is none, or no text."""
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
    return decoded.strip() if decoded.strip().isprintable() or decoded.lstrip().startswith("{") else ""


def _by_form(text: str) -> bool:
    return any(search(text) for search in _searches())


@cache
def _searches() -> tuple[Callable[[str], object], ...]:
    found = []
    for entry in DETECTORS:
        module, _, name = entry.partition(":")
        detector = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)
        found += [pattern.search for pattern in detector().denylist]
    return tuple(found)


def logins(configuration: str) -> list[str]:
    """Return the registries that a configuration of docker's client holds a login for; none if it is no such
    file."""
    try:
        auths = json.loads(configuration)["auths"]
        return [name for name, entry in auths.items() if entry.get("auth") or entry.get("identitytoken")]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
