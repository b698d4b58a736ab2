"""Which texts hold a secret, and which only look so."""

import base64

import pytest

from checker.secrets.literals import named, written

AUTH = base64.b64encode(b"bot:summer-Vacation-77").decode()
CONFIGURATION = f'{{"auths": {{"registry.example.com": {{"auth": "{AUTH}"}}}}}}'


@pytest.mark.parametrize(
    "text",
    [
        CONFIGURATION,
        CONFIGURATION.replace('"', '\\"'),
        f"auth: {AUTH}",
        base64.b64encode(CONFIGURATION.encode()).decode(),
        f"DOCKER_AUTH: {AUTH}",
        f'-H "Authorization: Basic {AUTH}"',
        f"//registry.npmjs.example/:_authToken=npm_{'a1B2' * 9}",
        "_authToken=0123456789abcdef",
        '{"auths": {"x": {"identitytoken": "0123456789abcdef"}}}',
        f"dckr_pat_{'a' * 27}",
        f"dckr_oat_{'a' * 27}",
        f"ghp_{'a' * 36}",
        f"github_pat_{'a' * 40}",
        "glpat-0123456789abcdefghij",
        "gldt-0123456789abcdefghij",
        "AKIA0123456789ABCDEF",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "https://bot:sommer77@registry.example/v2/",
        f"pypi-AgEIcHlwaS5vcmc{'a' * 80}",
    ],
)
def test_a_secret_is_seen_by_its_form(text: str) -> None:
    assert written(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683",
        f"image: docker@sha256:{'0a' * 32}",
        '{"auths": {"registry.example.com": {"auth": "$AUTH"}}}',
        '{"auths": {"registry.example.com": {"auth": "${{ secrets.AUTH }}"}}}',
        '{"auths": {}}',
        '{"credHelpers": {"x": "ecr-login"}}',
        "https://$USER:$PASSWORD@host/x",
        "https://${{ secrets.A }}:${{ secrets.B }}@host",
        "https://host:5000/x@sha256:1",
        "docker run -p 127.0.0.1:8080:80",
        "dckr_pat_ is how such a token begins",
        "glpat-",
        "auth: htpasswd",
        "github.com/aquasecurity/trivy-action",
        "-----BEGIN CERTIFICATE-----",
        "uploadSarifReportToCodeScanning",
        "application/vnd.docker.distribution.manifest.v2+json",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert not written(text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "sommer77"),
        ("password", "hunter2"),
        ("dockerPassword", "hunter2"),
        ("APITOKEN", "x7Qk"),
        ("API_KEY", "x7Qk"),
        ("CREDENTIALS", "ada:x"),
        ("REGISTRY_PASS", "lovelace"),
        ("PASSWORD1", "lovelace"),
        ("TOKEN", "1234567890"),
    ],
)
def test_a_value_of_a_variable_that_is_called_so(name: str, value: str) -> None:
    assert named(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PERSIST_CREDENTIALS", "false"),
        ("PASSWORD_FILE", "/run/secrets/x"),
        ("PASSWORD", "/run/secrets/x"),
        ("PROXY_BYPASS", "1"),
        ("PROXY_BYPASS", "localhost"),
        ("TOKEN_TTL", "300"),
        ("MAX_TOKEN", "300"),
        ("PASSWORDS_LEFT", "3"),
        ("PASSWORD", ""),
        ("PASSWORD", "$CI_REGISTRY_PASSWORD"),
        ("PASSWORD", "${{ secrets.X }}"),
        ("SECRET_NAME", "hub"),
        ("PASSWORD", "CI_REGISTRY_PASSWORD"),
        ("ID_TOKEN", "write"),
        ("COMPASS", "north"),
        ("MONKEY", "north"),
        ("REGISTRY_AUTH", "htpasswd"),
    ],
)
def test_a_value_that_is_no_secret(name: str, value: str) -> None:
    assert not named(name, value)
