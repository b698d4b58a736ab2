"""What works in a pipeline and should not be there."""

import textwrap

import pytest

from checker.pipelines.gitlab.advice import advice
from checker.pipelines.gitlab.pipelinefile import PipelineFile

LOGIN = 'docker login -u "$CI_REGISTRY_USER"'
VISIBLE, WRITTEN = "pipeline-password-on-the-command-line", "pipeline-secret-in-the-file"
UNPINNED = "pipeline-image-without-version"


def found(text: str) -> list[tuple[int, str]]:
    return [(entry.line, entry.code) for entry in advice(PipelineFile(text))]


def codes(command: str) -> list[str]:
    """What is said of a command."""
    return [code for _, code in found("a:\n  script:\n    - |\n" + textwrap.indent(command, " " * 6) + "\n")]


@pytest.mark.parametrize(
    "command",
    [
        f'{LOGIN} -p "$CI_REGISTRY_PASSWORD" $CI_REGISTRY',
        f"{LOGIN} -p $CI_REGISTRY_PASSWORD $CI_REGISTRY",
        f"{LOGIN} -p=$CI_REGISTRY_PASSWORD $CI_REGISTRY",
        f"{LOGIN} -p$CI_REGISTRY_PASSWORD $CI_REGISTRY",
        f'{LOGIN} -p "${{CI_REGISTRY_PASSWORD}}"',
        f"{LOGIN} --password=$CI_JOB_TOKEN $CI_REGISTRY",
        f"{LOGIN} --password '$CI_JOB_TOKEN' $CI_REGISTRY",
        f'{LOGIN} $CI_REGISTRY \\\n  --password "$CI_REGISTRY_PASSWORD"',
        f'{LOGIN} -p "$(cat password)"',
        f"{LOGIN} -p `cat password`",
        "docker login -u $(echo $U | base64 -d) -p $P",
        'docker --config .docker login -p "$P"',
        "docker -D login -p $P",
        'true && docker login -p "$P"; true',
        'podman login -p "$P"',
        "crane auth login -u u -p $P",
        "helm registry login -p $P",
        "skopeo login --password $P",
    ],
)
def test_a_password_on_the_command_line_is_told(command: str) -> None:
    assert codes(command) == [VISIBLE]


@pytest.mark.parametrize(
    "command",
    [
        f'echo "$CI_REGISTRY_PASSWORD" | {LOGIN} --password-stdin $CI_REGISTRY',
        f"printf '%s' \"$P\" | {LOGIN} --password-stdin",
        f'{LOGIN} --password-stdin <<< "$P"',
        f"{LOGIN} --password-stdin < password",
        f"cat password | {LOGIN} --password-stdin",
        'echo "$P" | docker login --username "$U" --password-stdin "$R" && mkdir -p "$DIR"',
        'docker info; tool -p "$P"',
        f"# never: {LOGIN} -p $P",
        f"make # not {LOGIN} -p $P",
        "docker logout",
        "mkdir -p logins",
        "docker login -u $U",
    ],
)
def test_a_login_by_standard_input_is_fine_and_so_is_what_is_no_login(command: str) -> None:
    assert codes(command) == []


@pytest.mark.parametrize(
    "command",
    [
        "docker login -u ada -p hunter2",
        'docker login --password="hunter2" -u ada',
        "echo hunter2 | docker login -u ada --password-stdin",
        "printf 'hunter2' | docker login -u ada --password-stdin",
        "echo dckr_pat_0123456789abcdef | docker login -u ada --password-stdin",
        "curl --header 'PRIVATE-TOKEN: glpat-0123456789abcdefghij' $URL",
        "# glpat-0123456789abcdefghij",
        "export AWS_ACCESS_KEY_ID=AKIA0123456789ABCDEF",
    ],
)
def test_a_secret_that_stands_in_the_file_is_told(command: str) -> None:
    assert codes(command) == [WRITTEN]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ("{REGISTRY_PASSWORD: hunter2}", True),
        ("{API_TOKEN: {value: hunter2, description: Of the hub}}", True),
        ("{registry_token: hunter2}", True),
        ("{AWS_SECRET_ACCESS_KEY: hunter2}", True),
        ("{NOTE: dckr_pat_0123456789abcdef}", True),
        ("{REGISTRY_PASSWORD: $CI_REGISTRY_PASSWORD}", False),
        ("{REGISTRY_PASSWORD: ''}", False),
        ("{USE_TOKEN: 'true'}", False),
        ("{API_TOKEN: {description: hunter2}}", False),
        ("{PASSWORD_FILE: /run/secrets/password}", False),
        ("{PASSWORDS_LEFT: 3}", False),
        ("{image: shop, name: shop}", False),
    ],
)
def test_a_variable_with_a_secret_in_it_is_told(variables: str, told: bool) -> None:
    expected = [WRITTEN] if told else []
    assert [code for _, code in found(f"variables: {variables}\n")] == expected
    assert [code for _, code in found(f"a: {{script: x, variables: {variables}}}\n")] == expected
    in_rules = f"a: {{script: x, rules: [{{if: $X, variables: {variables}}}]}}\n"
    assert [code for _, code in found(in_rules)] == expected


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("docker", True),
        ("docker:latest", True),
        ("{name: docker, entrypoint: ['']}", True),
        ("registry.example:5000/tools/kubectl", True),
        ("registry.example:5000/tools/kubectl:1.30", False),
        ("docker:24.0.5", False),
        ("{name: 'docker:24.0.5'}", False),
        (f"docker@sha256:{'0' * 64}", False),
        ("$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA", False),
        ("''", False),
    ],
)
def test_an_image_of_a_job_has_a_version(image: str, told: bool) -> None:
    expected = [UNPINNED] if told else []
    for text in (
        f"image: {image}\n",
        f"default: {{image: {image}}}\n",
        f"a: {{script: x, image: {image}}}\n",
    ):
        assert [code for _, code in found(text)] == expected


def test_what_is_called_image_and_is_none_is_left_alone() -> None:
    text = "include: [{local: a.yml, inputs: {image: shop}}]\na: {script: x, environment: {name: image}}\n"
    assert found(text) == []


def test_everything_is_told_in_the_order_of_the_lines_and_with_the_learners_own_line() -> None:
    text = (
        "image: docker\n\na:\n  script:\n    - make\n    - |\n      make\n      docker login -p $P\n"
        "variables:\n  TOKEN: hunter2\n"
    )
    assert found(text) == [(1, UNPINNED), (8, VISIBLE), (10, WRITTEN)]


def test_a_written_password_is_not_repeated_in_what_is_said() -> None:
    (only,) = advice(PipelineFile("a: {script: docker login -p hunter2}\n"))
    assert "hunter2" not in only.observed + only.expected + only.action


@pytest.mark.parametrize(
    "command",
    [
        'X=1 timeout 9 docker login -p "$P"',
        'curl -u "$CI_REGISTRY_USER:$CI_REGISTRY_PASSWORD" x',
        'skopeo copy --dest-creds "$U:$P" a b',
        'for r in a b; do\n  docker login \\\n    -p "$P" $r\ndone',
        'login() {\n  docker login -p "$1"\n}\nlogin "$P"',
        "bash <<'END'\ndocker login -p $P\nEND",
        'docker build --build-arg TOKEN="$CI_JOB_TOKEN" .',
    ],
)
def test_a_secret_among_arguments_is_told_however_it_is_written(command: str) -> None:
    assert codes(command) == [VISIBLE]


@pytest.mark.parametrize(
    "command",
    [
        'echo "never docker login -p $P"',
        "cat > notes.md <<'END'\ndocker login -p x\nEND",
        'curl -u "$CI_REGISTRY_USER:" x',
        'docker tag a "$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA"',
        "kubectl create secret generic x --from-file=password=/tmp/x",
    ],
)
def test_what_only_mentions_a_secret_is_fine(command: str) -> None:
    assert codes(command) == []


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ('{DOCKER_AUTH_CONFIG: \'{"auths": {"x": {"auth": "Ym90OnN1bW1lcjc3"}}}\'}', True),
        ('{DOCKER_AUTH_CONFIG: \'{"auths": {"x": {"auth": "$AUTH"}}}\'}', False),
        ("{DOCKER_AUTH_CONFIG: $SHARED_AUTH}", False),
        ("{LOGIN: Ym90OnN1bW1lci1WYWNhdGlvbi03Nw==}", True),
        ("{URL: 'https://bot:sommer77@x/'}", True),
        ("{PERSIST_CREDENTIALS: 'false', PROXY_BYPASS: '1', TOKEN_TTL: '300'}", False),
    ],
)
def test_other_values_of_variables(variables: str, told: bool) -> None:
    assert [code for _, code in found(f"variables: {variables}\n")] == ([WRITTEN] if told else [])


def test_a_secret_in_a_variable_of_many_lines_is_told_with_its_line() -> None:
    entry = '{"auth": "Ym90OnN1bW1lcjc3"}'
    text = f'variables:\n  DOCKER_AUTH_CONFIG: |\n    {{\n      "auths": {{"x":\n        {entry}}}\n    }}\n'
    assert found(text) == [(5, WRITTEN)]


def test_a_script_of_the_repository_is_read_where_a_job_calls_it() -> None:
    file = PipelineFile("a:\n  script:\n    - make\n    - bash ci/in.sh\n")
    told = advice(file, {"ci/in.sh": "docker login -p $P"}.get)
    assert [(entry.line, entry.code) for entry in told] == [(4, VISIBLE)]
    assert "ci/in.sh" in told[0].observed
