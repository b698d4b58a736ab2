"""What is unsafe in a workflow, and what only looks so."""

import pytest

from checker.pipelines.github import zizmor
from checker.pipelines.github.audit import concerns, mutable, secrets_named
from checker.pipelines.github.workflowfile import parse

TOP = "on: {on}\npermissions:\n  contents: read\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n"


def told(step: str, on: str = "push", **needles: str) -> list[tuple[str, int]]:
    """Code and line of everything unsafe in a workflow with this step, which begins in line 8."""
    text = TOP.format(on=on) + "".join(f"      {line}\n" for line in step.splitlines())
    return [(concern.code, concern.line) for concern in concerns("it.yml", parse(text), needles)]


@pytest.mark.parametrize(
    "expression",
    [
        "github.event.pull_request.title",
        "github.event.pull_request.body",
        "github.event.pull_request.head.ref",
        "github.event.pull_request.head.label",
        "github.event.issue.title",
        "github.event.comment.body",
        "github.event.review.body",
        "github.event.head_commit.message",
        "github.event.commits[0].message",
        "github.event.commits.*.author.name",
        "github.event.pages[0].page_name",
        "github.event.workflow_run.head_branch",
        "github.head_ref",
        "format('{0}', github.event.issue.body)",
    ],
)
def test_text_of_strangers_in_a_script_is_unsafe(expression: str) -> None:
    assert told(f'- run: echo "${{{{ {expression} }}}}"') == [("workflow-untrusted-expression", 8)]


@pytest.mark.parametrize(
    "expression",
    [
        "github.ref_name",
        "github.sha",
        "github.event.number",
        "github.event.pull_request.number",
        "github.event.pull_request.head.sha",
        "github.event.repository.name",
        "env.TITLE",
        "steps.meta.outputs.tags",
        "matrix.python",
    ],
)
def test_what_only_we_can_fill_is_safe_in_a_script(expression: str) -> None:
    assert told(f'- run: echo "${{{{ {expression} }}}}"') == []


def test_text_of_strangers_is_safe_in_env_and_in_a_condition() -> None:
    step = (
        "- run: echo \"$TITLE\"\n  if: contains(github.event.pull_request.title, 'x')\n  env:\n"
        "    TITLE: ${{ github.event.pull_request.title }}"
    )
    assert told(step) == []


def test_the_line_is_that_of_the_script_where_it_stands() -> None:
    step = "- name: x\n  run: |\n    make\n    echo ${{ github.event.issue.title }}\n    make install"
    assert told(step) == [("workflow-untrusted-expression", 11)]


@pytest.mark.parametrize(
    "ref", ["master", "main", "HEAD", "latest", "release/v1", "v1-beta-branch/x", "dev", "abc123"]
)
def test_a_branch_of_an_action_can_be_moved(ref: str) -> None:
    assert mutable(ref)
    assert told(f"- uses: aquasecurity/trivy-action@{ref}") == [("workflow-action-mutable", 8)]


@pytest.mark.parametrize("ref", ["v4", "v4.2.2", "0.32.0", "1", "v2.0.0-rc.1", "a" * 40])
def test_a_version_or_a_commit_is_no_branch(ref: str) -> None:
    assert told(f"- uses: actions/checkout@{ref}") == []


def test_an_action_of_the_repository_itself_needs_no_version() -> None:
    assert told("- uses: ./.github/actions/build") == []


@pytest.mark.parametrize(
    "step",
    [
        "- uses: actions/checkout@v4\n  with:\n    ref: ${{ github.event.pull_request.head.sha }}",
        "- uses: actions/checkout@v4\n  with:\n    ref: refs/pull/${{ github.event.number }}/merge",
        "- run: gh pr checkout 7",
    ],
)
def test_a_strangers_code_beside_the_secrets_is_unsafe(step: str) -> None:
    (found,) = told(step, on="pull_request_target")
    assert found[0] == "workflow-pull-request-target"
    assert told(step, on="pull_request") == []


def test_pull_request_target_without_the_strangers_code_is_safe() -> None:
    assert told("- uses: actions/checkout@v4", on="pull_request_target") == []


@pytest.mark.parametrize(
    "step",
    [
        "- uses: docker/login-action@v3\n  with:\n    username: ada\n    password: lovelace",
        "- run: docker login -u ada -p lovelace",
        "- run: docker login --username=ada --password=lovelace",
        "- run: make\n  env:\n    API_TOKEN: lovelace",
        f"- run: echo dckr_pat_{'a' * 27} > token",
        f"- run: make TOKEN=ghp_{'a' * 36}",
        "- run: curl --user ada:countess x",
    ],
)
def test_a_secret_in_the_file_is_told_with_its_step(step: str) -> None:
    assert ("workflow-secret-in-file", 8) in told(step, password="countess")


@pytest.mark.parametrize(
    "step",
    [
        "- uses: docker/login-action@v3\n  with:\n    password: ${{ secrets.DOCKERHUB_TOKEN }}",
        '- run: printf %s "$TOKEN" | docker login --username ada --password-stdin\n  env:\n'
        "    TOKEN: ${{ secrets.DOCKERHUB_TOKEN }}",
        '- run: echo "${{ secrets.DOCKERHUB_TOKEN }}" | docker login -u ada --password-stdin',
        "- run: make\n  env:\n    PASSWORD: ''",
    ],
)
def test_the_name_of_a_secret_is_no_secret(step: str) -> None:
    assert told(step) == []


def test_a_password_as_an_argument_is_seen_by_every_process() -> None:
    step = "- run: docker login -u ada -p ${{ secrets.DOCKERHUB_TOKEN }}"
    assert told(step) == [("workflow-secret-as-argument", 8)]


def test_a_secret_that_is_printed_stands_in_the_log() -> None:
    assert told("- run: echo ${{ secrets.DOCKERHUB_TOKEN }}") == [("workflow-secret-in-log", 8)]
    assert told("- run: echo ${{ secrets.DOCKERHUB_TOKEN }} > token") == []


@pytest.mark.parametrize(
    ("top", "job", "codes"),
    [
        ("", "", ["workflow-without-permissions"]),
        ("permissions: {}\n", "", []),
        ("permissions: read-all\n", "", []),
        ("permissions: write-all\n", "", ["workflow-permissions-wide"]),
        ("permissions:\n  contents: read\n", "", []),
        ("", "    permissions:\n      contents: read\n", []),
        ("permissions: write-all\n", "    permissions:\n      contents: read\n", []),
        ("permissions: read-all\n", "    permissions: write-all\n", ["workflow-permissions-wide"]),
    ],
)
def test_the_job_token_should_be_told_what_it_may(top: str, job: str, codes: list[str]) -> None:
    text = f"on: push\n{top}jobs:\n  one:\n    runs-on: x\n{job}    steps:\n      - run: make\n"
    assert [concern.code for concern in concerns("it.yml", parse(text))] == codes


def test_the_secrets_that_are_named_are_known_with_their_lines() -> None:
    text = (
        "on: push\nenv:\n  A: ${{ secrets.OF_ALL }}\njobs:\n  one:\n    runs-on: x\n    steps:\n"
        "      - run: make ${{ secrets.IN_A_SCRIPT }}\n      - uses: a/b@v1\n        with:\n"
        "          token: ${{ secrets['IN_WITH'] }}\n"
    )
    assert secrets_named(parse(text)) == {"IN_A_SCRIPT": 8, "OF_ALL": 8, "IN_WITH": 9}


FOREIGN, SECRET = "workflow-untrusted-expression", "workflow-secret-in-file"
ARGUMENT, TARGET = "workflow-secret-as-argument", "workflow-pull-request-target"
TITLE = "\n  env:\n    TITLE: ${{ github.event.pull_request.title }}"


def codes(step: str, on: str = "push") -> list[str]:
    return sorted({code for code, _ in told(step, on)})


@pytest.mark.parametrize(
    "step",
    [
        '- run: echo "${{ env.TITLE }}"' + TITLE,
        "- run: echo \"${{ env['TITLE'] }}\"" + TITLE,
        "- run: echo \"${{ format('{0}', env.title) }}\"" + TITLE,
        "- run: echo '${{ toJSON(env) }}'" + TITLE,
        "- run: echo \"${{ github['head_ref'] }}\"",
        "- run: echo \"${{ github[ 'event' ].pull_request['title'] }}\"",
        '- run: echo "${{ GitHub.Head_Ref }}"',
        "- run: echo '${{ toJSON(github.event) }}'",
        "- run: echo '${{ toJson(github) }}'",
        "- run: echo '${{ toJSON(github.event.commits) }}'",
        "- run: echo '${{ github.event.pull_request.title || github.sha }}'",
        "- run: |\n    true\n    echo ${{\n      github.head_ref }}",
        "- uses: actions/github-script@v7\n  with:\n    script: console.log('${{ github.event.issue.title }}')",
        '- run: echo "TITLE=$TITLE" >> "$GITHUB_ENV"' + TITLE + "\n- run: echo ${{ env.TITLE }}",
        '- id: t\n  run: echo "t=$TITLE" >> $GITHUB_OUTPUT'
        + TITLE
        + "\n- run: echo ${{ steps.t.outputs.t }}",
        "- run: |  # zizmor: ignore[template-injection]\n    echo ${{ github.head_ref }}  # zizmor: ignore",
    ],
)
def test_text_of_strangers_comes_in_many_forms(step: str) -> None:
    assert codes(step) == [FOREIGN]


@pytest.mark.parametrize(
    "step",
    [
        '- run: echo "$TITLE"' + TITLE,
        '- run: echo "${{ env.SAFE }}"\n  env:\n    SAFE: ${{ github.sha }}',
        "- run: echo ${{ env.TITLE }}\n  env:\n    TITLE: fixed",
        "- run: echo \"${{ contains(github.event.pull_request.title, 'x') }}\"",
        "- run: echo \"${{ github.event.pull_request.title != '' && 'a' || 'b' }}\"",
        "- run: docker push ${{ secrets.DOCKERHUB_USERNAME }}/${{ github.event.repository.name }}",
        "- run: docker tag app app:${{ github.ref_name }}",
        "- run: echo ${{ github.actor }} ${{ github.repository }} ${{ github.base_ref }} ${{ inputs.x }}",
        "- run: |\n    # never: echo ${{ github.sha }}\n    make",
        "- if: github.head_ref == 'x'\n  run: make",
        "- uses: docker/build-push-action@v6\n  with:\n    labels: title=${{ github.event.pull_request.title }}",
        '- run: echo "TITLE=$TITLE" >> "$GITHUB_ENV"' + TITLE + '\n- run: echo "$TITLE"',
    ],
)
def test_what_no_stranger_fills_or_no_shell_reads_is_safe(step: str) -> None:
    assert codes(step) == []


def test_text_of_strangers_in_the_variables_of_a_job_or_a_file() -> None:
    text = (
        "on: pull_request\npermissions: {}\nenv:\n  A: ${{ github.event.pull_request.title }}\njobs:\n  one:\n"
        "    runs-on: x\n    env:\n      B: about ${{ env.A }}\n    steps:\n      - run: echo ${{ env.B }}\n"
        "      - env: {B: none}\n        run: echo ${{ env.B }}\n"
    )
    (found,) = concerns("it.yml", parse(text))
    assert (found.code, found.line) == (FOREIGN, 11)
    assert "github.event.pull_request.title" in found.observed


@pytest.mark.parametrize(
    "step",
    [
        "- run: git fetch origin pull/${{ github.event.number }}/head && git checkout FETCH_HEAD",
        "- run: git fetch origin refs/pull/7/merge",
        "- run: git fetch origin ${{ github.event.pull_request['head'].sha }}",
        '- run: git -C . fetch origin "$SHA"\n  env:\n    SHA: ${{ github.event.pull_request.head.sha }}',
        "- run: |\n    git remote add a \\\n     ${{ github.event.pull_request.head.repo.clone_url }}\n    git fetch a",
        "- run: git clone ${{ github.event.pull_request.head.repo.clone_url }} fork",
        "- run: gh pr checkout ${{ github.event.number }}",
        "- run: curl -L https://x/${{ github.event.pull_request.head.repo.full_name }}/archive/x.tar.gz | tar xz",
        "- uses: actions/checkout@v4\n  with:\n    repository: ${{ github.event.pull_request.head.repo.full_name }}",
        "- uses: actions/checkout@v4\n  with:\n    ref: ${{ env.REF }}\n  env:\n    REF: ${{ github.head_ref }}",
        "- uses: actions/checkout@v4\n  with:\n    ref: ${{ GITHUB.EVENT.PULL_REQUEST.HEAD.SHA }}",
    ],
)
def test_a_strangers_code_is_fetched_in_many_ways(step: str) -> None:
    assert TARGET in codes(step, on="pull_request_target")
    assert TARGET not in codes(step, on="pull_request")


@pytest.mark.parametrize(
    "step",
    [
        "- run: |\n    # git fetch origin pull/7/head\n    make",
        '- run: echo "git fetch origin pull/7/head"',
        "- run: git fetch origin main",
        "- run: docker pull x/head",
        "- uses: actions/labeler@v5\n  with:\n    ref: ${{ github.event.pull_request.head.sha }}",
        "- run: gh pr comment ${{ github.event.number }} --body hi",
    ],
)
def test_a_privileged_run_without_foreign_code_is_safe(step: str) -> None:
    assert TARGET not in codes(step, on="pull_request_target")


def test_a_run_after_another_workflow_fetches_its_code() -> None:
    step = "- uses: actions/checkout@v4\n  with:\n    ref: ${{ github.event.workflow_run.head_sha }}"
    (found,) = told(step, on="{workflow_run: {workflows: [ci]}}")
    assert found[0] == TARGET


ENV = "\n  env:\n    WHO: ${{ secrets.DOCKERHUB_USERNAME }}\n    WORD: ${{ secrets.DOCKERHUB_TOKEN }}"


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ('docker login -u "$WHO" -p "$WORD"', 8),
        ('docker login -u "$WHO" -p ${{ env.WORD }}', 8),
        ('|\n    docker login \\\n      --username "$WHO" \\\n      --password "$WORD"', 9),
        ('|\n    make\n    true && X=1 timeout 9 docker --config x login -u "$WHO" -p "$WORD"', 10),
        ('|\n    curl -u "$WHO:$WORD" x', 9),
        ('|\n    curl -H "Authorization: Bearer $WORD" x', 9),
        (
            "|\n    skopeo copy --dest-creds '${{ secrets.DOCKERHUB_USERNAME }}:${{ secrets.DOCKERHUB_TOKEN }}' a b",
            9,
        ),
        ("|\n    docker build --build-arg TOKEN=${{ github.token }} .", 9),
        ('|\n    bash -c "docker login -p $WORD"', 9),
    ],
)
def test_a_secret_among_the_arguments_of_a_program(script: str, line: int) -> None:
    assert told(f"- run: {script}{ENV}") == [(ARGUMENT, line)]


@pytest.mark.parametrize(
    "script",
    [
        '|\n    # never: docker login -p "$WORD"\n    printf %s "$WORD" | docker login -u "$WHO" --password-stdin',
        '|\n    echo "docker login -p is a bad idea"\n    docker login -u "$WHO" --password-stdin <<< "$WORD"',
        'docker build --tag "$WHO/app" app',
        "docker tag app ${{ secrets.DOCKERHUB_USERNAME }}/app",
        'curl -u "$WHO:" x',
        "cat > notes.md <<< 'docker login -p x'",
    ],
)
def test_what_only_mentions_a_secret_gives_nothing_away(script: str) -> None:
    assert told(f"- run: {script}{ENV}") == []


@pytest.mark.parametrize(
    ("env", "found"),
    [
        ("PERSIST_CREDENTIALS: 'false'\n      PROXY_BYPASS: '1'", False),
        ("PASSWORD_FILE: /run/secrets/x\n      TOKEN_TTL: '300'", False),
        ('DOCKER_AUTH_CONFIG: \'{"auths": {"x": {"auth": "Ym90OnN1bW1lcjc3"}}}\'', True),
        ("API_KEY: x7Qk9", True),
        ("NOTE: AKIA0123456789ABCDEF", True),
        ("URL: https://bot:sommer77@x/", True),
    ],
)
def test_variables_of_a_job(env: str, found: bool) -> None:
    top = "on: push\npermissions: {}\njobs:\n  one:\n    runs-on: x\n"
    text = f"{top}    env:\n      {env}\n    steps:\n      - run: make\n"
    assert {(each.code, each.line) for each in concerns("it.yml", parse(text))} == (
        {(SECRET, 7)} if found else set()
    )


def test_the_password_of_a_jobs_container_is_a_secret() -> None:
    text = (
        "on: push\npermissions: {}\njobs:\n  one:\n    runs-on: x\n    container:\n      image: a/b:1\n"
        "      credentials:\n        username: ada\n        password: lovelace\n    steps:\n      - run: make\n"
    )
    assert SECRET in {each.code for each in concerns("it.yml", parse(text))}


def test_a_script_of_the_repository_is_read_where_a_step_calls_it() -> None:
    text = (
        TOP.format(on="push")
        + "      - run: ./ci/login.sh\n        env:\n          WORD: ${{ secrets.TOKEN }}\n"
    )
    found = concerns("it.yml", parse(text), {}, {"./ci/login.sh": 'docker login -u a -p "$WORD"'}.get)
    assert [(each.code, each.line) for each in found] == [(ARGUMENT, 8)]
    assert "ci/login.sh" in found[0].observed


@pytest.mark.parametrize(
    "text",
    [
        "on: push\npermissions: {}\njobs:\n  a:\n    runs-on: x\n    continue-on-error: maybe\n    steps:\n"
        "      - run: echo ${{ github.head_ref }}\n",
        "\ufeffon: push\npermissions: {}\njobs:\n  a:\n    runs-on: x\n    name: x\n    steps:\n"
        "      - run: echo ${{ github.head_ref }}\n",
        "on: push\npermissions: {}\njobs:\n  a:\n    runs-on: x\n    continue-on-error: maybe\n    steps:\n"
        "      - run: echo ${{ env.A }}\n        env: {A: '${{ github.head_ref }}'}\n",
    ],
)
def test_a_file_that_zizmor_cannot_read_is_judged_all_the_same(text: str) -> None:
    assert [(each.code, each.line) for each in concerns("it.yml", parse(text))] == [(FOREIGN, 8)]


def test_zizmor_is_found_where_this_python_has_it() -> None:
    assert zizmor.program().is_file()
    assert zizmor.plain("GitHub[ 'event' ].Commits[0].Message") == "github.event.commits.0.message"
