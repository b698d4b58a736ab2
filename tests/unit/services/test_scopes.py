"""Scopes and tokens: whatever is asked for, no more than allowed gets in, and nothing forged is taken."""

import base64
import json
import time
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from checker.services.keys import Keys, load_or_make
from checker.services.scopes import ACTIONS, Access, cut, is_repository, parse
from checker.services.tokens import BadToken, Signer

pieces = st.sampled_from(
    [
        "repository",
        "registry",
        "catalog",
        "*",
        "team/app",
        "../x",
        "a//b",
        "pull",
        "push",
        "delete",
        "",
        "A",
        "host:5000",
    ]
)
scopes = st.one_of(st.text(max_size=60), st.lists(pieces, min_size=1, max_size=6).map(":".join))


@cache
def keys(name: str = "ours") -> Keys:
    with TemporaryDirectory() as folder:
        return load_or_make(Path(folder) / name)


def signer(seconds: int = 300) -> Signer:
    return Signer(keys(), "registry-lab", "registry.lab", seconds)


def forged(key: Keys | str, algorithm: str = "RS256", **changed: object) -> str:
    now = int(time.time())
    claims = {
        "iss": "registry-lab",
        "sub": "ann",
        "aud": "registry.lab",
        "exp": now + 300,
        "nbf": now,
        "iat": now,
        "jti": "1",
        "access": [],
    }
    secret = key if isinstance(key, str) else key.private
    return jwt.encode({**claims, **changed}, secret, algorithm=algorithm)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("repository:team/app:pull,push", [Access("repository", "team/app", ("pull", "push"))]),
        ("repository:team/app:push,pull,pull", [Access("repository", "team/app", ("pull", "push"))]),
        ("repository:a:pull repository:a:push", [Access("repository", "a", ("pull", "push"))]),
        ("repository:team/app:*", [Access("repository", "team/app", ACTIONS)]),
        ("registry:catalog:*", [Access("registry", "catalog", ("*",))]),
        ("repository:team/app:fly", [Access("repository", "team/app", ())]),
        ("repository:*:*", []),
        ("repository:team/*:pull", []),
        ("repository:../etc:pull", []),
        ("repository:Team/app:pull", []),
        ("repository(plugin):team/app:pull", []),
        ("registry:other:*", []),
        ("repository:team/app", []),
        ("repository", []),
        ("*:*:*", []),
        ("", []),
    ],
)
def test_a_scope_is_read_as_the_specification_has_it_and_anything_else_as_nothing(
    text: str, read: list[Access]
) -> None:
    assert parse([text]) == read


@given(st.lists(scopes, max_size=8))
def test_no_text_makes_a_scope_that_distribution_would_take_for_everything(texts: list[str]) -> None:
    for access in parse(texts):
        if access.type == "repository":
            assert is_repository(access.name)
            assert set(access.actions) <= set(ACTIONS)
        else:
            assert (access.type, access.name) == ("registry", "catalog")
            assert set(access.actions) <= {"*"}


@given(st.lists(scopes, max_size=8), st.frozensets(st.sampled_from([*ACTIONS, "*"])))
def test_what_is_cut_to_size_is_within_both_the_wish_and_the_right(
    texts: list[str], allowed: frozenset[str]
) -> None:
    for access in parse(texts):
        assert set(cut(access, allowed).actions) <= allowed & set(access.actions)


def test_a_token_says_who_may_do_what_and_carries_its_certificate() -> None:
    token = signer().for_registry(
        "ann", [Access("repository", "team/app", ("pull",)), Access("repository", "x", ())]
    )
    claims = signer().read_registry(token)
    assert claims.sub == "ann"
    assert claims.access == [Access("repository", "team/app", ("pull",))]
    assert claims.allows("team/app", "pull")
    assert not claims.allows("team/app", "push")
    assert not claims.allows("team/other", "pull")
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "RS256"
    assert base64.b64decode(header["x5c"][0])[:1] == b"\x30"


def test_a_token_of_another_key_is_not_taken() -> None:
    with pytest.raises(BadToken):
        signer().read_registry(forged(keys("theirs")))


def test_a_token_without_a_signature_is_not_taken() -> None:
    with pytest.raises(BadToken):
        signer().read_registry(forged("", "none"))


def test_a_token_signed_with_the_public_key_as_a_password_is_not_taken() -> None:
    public = keys().public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header = (
        base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    )
    body = forged(keys()).split(".")[1]
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(mac.sign(f"{header}.{body}".encode(), public)).rstrip(b"=").decode()
    with pytest.raises(BadToken):
        signer().read_registry(f"{header}.{body}.{signature}")


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "registry.other"},
        {"aud": "registry-lab/api"},
        {"iss": "somebody"},
        {"nbf": int(time.time()) + 100_000},
        {"exp": "soon"},
    ],
)
def test_a_token_of_our_key_for_something_else_is_not_taken(changed: dict[str, object]) -> None:
    with pytest.raises(BadToken) as raised:
        signer().read_registry(forged(keys(), **changed))
    assert not raised.value.expired


def test_a_token_ends_when_it_says_so() -> None:
    with pytest.raises(BadToken) as raised:
        signer().read_registry(forged(keys(), exp=int(time.time()) - 1))
    assert raised.value.expired


def test_sessions_and_tokens_for_the_registry_cannot_stand_in_for_each_other() -> None:
    session, token = signer().for_api("ann", "some-uuid"), signer().for_registry("ann", [])
    assert signer().read_api(session).token == "some-uuid"
    with pytest.raises(BadToken):
        signer().read_registry(session)
    with pytest.raises(BadToken):
        signer().read_api(token)


@given(st.text(max_size=80))
def test_no_made_up_text_is_a_token(text: str) -> None:
    with pytest.raises(BadToken):
        signer().read_registry(text)


def test_keys_are_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    first, again = load_or_make(folder), load_or_make(folder)
    assert first.chain == again.chain
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    (folder / "signing.crt").write_text("half")
    assert load_or_make(folder).chain != first.chain
