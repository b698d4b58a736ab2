"""Which argument of which command gives a password away."""

import pytest

from checker.shell.handed import handed
from checker.shell.shellvalues import Level, known

KNOWN = known(
    {
        "USER_NAME": "ada",
        "HOST": "127.0.0.1:5000",
        "NOTHING": "",
        "PASSWORD": "correct-horse",
        "API": "127.0.0.1:1",
    },
    ["PASSWORD"],
)


def options(text: str, **files: str) -> list[str]:
    """The options and arguments that hand something over; literal values of options count only for logins."""
    found = handed(text, KNOWN, lambda path: files.get(path.replace("/", "_").replace(".", "_")))
    return [each.option for each in found if each.level > Level.PUBLIC or each.option in ("-p", "--password")]


@pytest.mark.parametrize(
    "text",
    [
        'docker login -p "$PASSWORD" x',
        'A=x docker login -p "$PASSWORD" x',
        'DOCKER_CONFIG="$DOCKER_CONFIG" docker login -u "$USER_NAME" -p"$PASSWORD" x',
        'timeout 9 docker login -p "$PASSWORD" x',
        'timeout -k 5 --signal=TERM 9s docker login -p "$PASSWORD" x',
        'env -u C A=b docker login -p "$PASSWORD" x',
        'exec docker login -p "$PASSWORD" x',
        'command docker login -p "$PASSWORD" x',
        'nice -n 5 sudo -u root -E time docker login -p "$PASSWORD" x',
        '/usr/bin/docker login -p "$PASSWORD" x',
        'docker --config X login -p "$PASSWORD" x',
        'docker -H unix:///x --config=X --debug login -p "$PASSWORD" x',
        'docker login \\\n  -u ada \\\n  -p "$PASSWORD" x',
        'f() { docker login -p "$1" x; }\nf "$PASSWORD"',
        'login() (set -e; docker login -u "$1" -p "$2" x)',
        '( cd / && docker login -p "$PASSWORD" x ) &',
        'x=$(docker login -p "$PASSWORD" x 2>&1)',
        'if ! docker login -p "$PASSWORD" x; then :; fi',
        'case $x in a) docker login -p "$PASSWORD" x ;; esac',
        'bash <<END\ndocker login -p "$PASSWORD" x\nEND',
        "bash <<'END'\ndocker login -p \"$PASSWORD\" x\nEND",
        "cat <<'END' | sh\ndocker login -p \"$PASSWORD\" x\nEND",
        "bash <<< 'docker login -p \"$PASSWORD\" x'",
        "echo 'docker login -p $PASSWORD x' | bash",
        "bash -c 'docker login -p \"$PASSWORD\" x'",
        'sh -euxc \'docker login -p "$0" x\' "$PASSWORD"',
        'bash -c "docker login -p $PASSWORD x"',
        'eval "docker login -p $PASSWORD x"',
        "trap 'docker login -p \"$PASSWORD\" x' EXIT",
        'args=(login -u a -p "$PASSWORD"); docker "${args[@]}" x',
        'args=(login); args+=(-p "$PASSWORD"); docker "${args[@]}" x',
        'o="login -p $PASSWORD"; docker $o x',
        'd=docker; $d login -p "$PASSWORD" x',
        'd=/usr/bin/docker; "$d" login -p "$PASSWORD" x',
        'echo "$PASSWORD" | xargs docker login -u a -p',
        'echo "$PASSWORD" | xargs -I{} docker login -u a -p {} x',
        'podman login -p "${PASSWORD}" x',
        'nerdctl login -p "${PASSWORD%$x}" x',
        'p=$PASSWORD; docker login -p "$p" x',
        'p=$(cat secret); docker login -p "$p" x',
        'docker login -p "$(< secret)" x',
        'docker login -p "$token" x',
        "read -r p < secret; docker login -p $p x",
        'docker login -u "$USER_NAME" -p "${P:-$PASSWORD}" x',
        "docker login -u ada -p x y",
        'crane auth login -u a -p "$PASSWORD" x',
        'helm registry login -u a -p "$PASSWORD" x',
        'regctl registry login -p "$PASSWORD" x',
        'oras login x -u a -p "$PASSWORD"',
        'docker login x -u a -p="$PASSWORD"',
        'while read -r line; do docker login -p "$line" x; done < file',
        "find . -name x -exec docker login -p {} x \\;",
        'flock lock docker login -p "$PASSWORD" x',
        'script -c "docker login -p $PASSWORD x"',
        'retry() { for i in 1 2; do "$@" && return; done; }\nretry docker login -u a -p "$PASSWORD" x',
        'retry() { n=$1; shift; "$@"; }\nretry 3 timeout 9 docker login -p "$PASSWORD" x',
        'set -- ada "$PASSWORD"; docker login -u "$1" -p "$2" x',
        'function in_() { local p; p=$2; docker login -u "$1" -p "$p" x; }; in_ a "$PASSWORD"',
        'declare -A c=([u]=a [p]="$PASSWORD"); docker login -u "${c[u]}" -p "${c[p]}" x',
        '"$DOCKER" login -u ada -p "$PASSWORD" x',
        'docker "login" -p "$PASSWORD" x',
        "docker l'ogin' -p $PASSWORD x",
        'coproc docker login -p "$PASSWORD" x',
        "docker login -p $PASSWORD x\r\ntrue\r\n",
    ],
)
def test_a_login_with_the_password_among_its_arguments(text: str) -> None:
    # A shell that gets it in a text of its own has it among its arguments as well.
    assert "-p" in options(text)


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ('docker login --password="$PASSWORD" x', "--password"),
        ('docker login --password "$PASSWORD" x', "--password"),
        ('curl -u "$USER_NAME:$PASSWORD" x', "-u"),
        ('curl -fsSu "$USER_NAME:$PASSWORD" x', "-u"),
        ('curl -u"$USER_NAME:$PASSWORD" x', "-u"),
        ('curl --user "$USER_NAME:$PASSWORD" x', "--user"),
        ('curl --user="$USER_NAME:$PASSWORD" x', "--user"),
        ('c="$USER_NAME:$PASSWORD"; curl --user "$c" x', "--user"),
        ('curl -u "ada:$(cat secret)" x', "-u"),
        ('curl -H "Authorization: Bearer $token" x', "Authorization"),
        ('t=$(curl -u @x y | jq -r .token); curl -H "Authorization: Bearer $t" x', "Authorization"),
        ('curl --header "authorization: Basic $(printf %s "a:$PASSWORD" | base64)" x', "authorization"),
        ('curl --data "password=$PASSWORD" x', '"password=$PASSWORD"'),
        ('curl "http://ada:$PASSWORD@$HOST/v2/"', "the address"),
        ('git clone "https://$TOKEN@host/x"', "the address"),
        ('git -c http.extraheader="Authorization: Bearer $TOKEN" fetch', "http.extraheader=Authorization"),
        ('wget --user=a --password="$PASSWORD" x', "--password"),
        ('skopeo copy --dest-creds "$USER_NAME:$PASSWORD" a b', "--dest-creds"),
        ('skopeo copy --src-creds="$USER_NAME:$PASSWORD" a b', "--src-creds"),
        ('skopeo inspect --creds "$USER_NAME:$PASSWORD" a', "--creds"),
        ('skopeo copy --dest-password "$PASSWORD" a b', "--dest-password"),
        ("podman pull --creds=a:$PASSWORD x", "--creds"),
        ('trivy image --username a --password "$PASSWORD" x', "--password"),
        ('trivy image --username a --password="$PASSWORD" x', "--password"),
        ('htpasswd -nbB "$USER_NAME" "$PASSWORD" > f', "-b"),
        ('htpasswd -c -b f ada "$PASSWORD"', "-b"),
        ('openssl enc -aes256 -pass pass:"$PASSWORD"', "pass:"),
        ('openssl rsa -passin "pass:$PASSWORD"', "pass:"),
        ('openssl passwd -apr1 "$PASSWORD"', "passwd"),
        ('http -a "$USER_NAME:$PASSWORD" x', "-a"),
        ('docker build --build-arg TOKEN="$PASSWORD" .', "--build-arg TOKEN"),
        ('docker build --build-arg "X=$PASSWORD" .', "--build-arg X"),
        ('docker run -e PASSWORD="$PASSWORD" x', "-e PASSWORD"),
        ("docker run --env=X=$PASSWORD x", "--env X"),
        ('docker run -e TOKEN="$(cat secret)" x', "-e TOKEN"),
        ('kubectl create secret docker-registry x --docker-password="$PASSWORD"', "--docker-password"),
        ('jq -n --arg p "$PASSWORD" "{p: \\$p}"', '"$PASSWORD"'),
        ('python3 login.py "$PASSWORD"', '"$PASSWORD"'),
        ('/bin/echo "$PASSWORD"', '"$PASSWORD"'),
        ('env echo "$PASSWORD"', '"$PASSWORD"'),
        ('sshpass -p "$PASSWORD" ssh x', "-p"),
    ],
)
def test_other_programs_that_take_one(text: str, option: str) -> None:
    assert options(text) == [option]


@pytest.mark.parametrize(
    "text",
    [
        'printf %s "$PASSWORD" | docker login --username ada --password-stdin x',
        'docker login -u ada --password-stdin x <<< "$PASSWORD"',
        'docker login -u ada --password-stdin x < <(printf %s "$PASSWORD")',
        "docker login -u ada --password-stdin x << END\n$PASSWORD\nEND",
        "# docker login -p $PASSWORD",
        "true # docker login -p $PASSWORD",
        'echo "docker login -p $PASSWORD"',
        "echo 'never: docker login -p $PASSWORD' >&2",
        "printf 'docker login -p %s\\n' x",
        "cat > notes.md <<'END'\ndocker login -p \"$PASSWORD\"\nEND",
        "cat > notes.md <<END\ndocker login -p x\nEND",
        ": 'docker login -p x'",
        'curl -u "$USER_NAME:" x',
        'curl -u "$USER_NAME:$NOTHING" x',
        'empty=; curl -u "$USER_NAME:$empty" x',
        'curl -u "$USER_NAME" x',
        "curl -u nobody:wrong x",
        'wrong=wrong; curl -u "nobody:$wrong" x',
        't=$(curl "http://$API/token?scope=x" | jq -r .token); curl -H "Authorization: Bearer $t" x',
        'curl -H @<(echo "Authorization: Bearer $token") x',
        'printf \'user = "%s:%s"\' "$USER_NAME" "$PASSWORD" | curl --config - x',
        'd=$(printf "header = %s" "$PASSWORD" | curl -K - x); curl -X DELETE "http://$HOST/$d"',
        'curl -H "Accept: $types" "http://$HOST/v2/"',
        'curl --cacert ca.crt -o /dev/null "https://$HOST"',
        "TRIVY_USERNAME=$USER_NAME TRIVY_PASSWORD=$PASSWORD trivy image x",
        "docker run -e PASSWORD x",
        "PASSWORD=$PASSWORD docker run -e PASSWORD x",
        'docker run -e NAME="$USER_NAME" -p 80:80 x',
        'docker build --build-arg VERSION="$VERSION" .',
        "docker build --secret id=token,env=PASSWORD .",
        'printf %s "$PASSWORD" | htpasswd -niB ada',
        "openssl rsa -passin env:PASSWORD",
        "openssl req -newkey ec -nodes -subj /CN=x",
        "openssl passwd -6 -stdin",
        'login() { printf %s "$2" | docker login -u "$1" --password-stdin x; }\nlogin "$USER_NAME" "$PASSWORD"',
        "docker login x; mkdir -p here",
        "docker run -p 80:80 login",
        "docker compose -p login up",
        "ssh -p 22 host login",
        "jq -n '{secret: env.PASSWORD}' | curl --data @- x",
        'test -n "$PASSWORD" && [ -n "$PASSWORD" ] && [[ $PASSWORD ]]',
        'export X="$PASSWORD"; local y=$PASSWORD',
        'install -m 600 /dev/stdin f <<< "$PASSWORD"',
        'x=${#PASSWORD}; docker tag a "b:$x"',
        'git clone "https://$USER_NAME@$HOST/x"',
        "git clone https://host/x",
        "docker login -u ada x",
        "curl -o out -u '' x",
        'f() { echo "$1"; }; f "$PASSWORD"',
    ],
)
def test_what_gives_nothing_away(text: str) -> None:
    assert options(text) == []


def test_a_helper_script_is_read_where_it_is_called() -> None:
    helper = 'docker login -u "$1" -p "$2" x\n'
    for call in (
        "bash tools/in.sh",
        "./tools/in.sh",
        ". tools/in.sh",
        '"$WORKSPACE/tools/in.sh"',
        "source ./tools/in.sh",
    ):
        found = handed(
            f'true\n{call} ada "$PASSWORD"', KNOWN, {"tools/in.sh": helper, "./tools/in.sh": helper}.get
        )
        # A script that is started as a process is given the password as an argument as well.
        assert "-p" in [each.option for each in found]
        assert {each.line for each in found} == {2}


def test_a_helper_script_that_is_only_named_is_not_read() -> None:
    assert (
        handed("echo tools/in.sh; cat tools/in.sh", KNOWN, lambda path: 'docker login -p "$PASSWORD" x') == []
    )


def test_a_script_that_calls_itself_ends() -> None:
    assert [
        e.option
        for e in handed("bash x.sh; f() { f; }; f", KNOWN, lambda path: "bash x.sh\ndocker login -p a b")
    ] == ["-p"]


def test_the_line_is_that_of_the_command() -> None:
    assert [each.line for each in handed('true\n\nif x; then\n  docker login \\\n   -p "$P" x\nfi')] == [4]


@pytest.mark.parametrize(
    "text", ["", "(((((", "docker login -p '", "if", "\0", "a=$(", "<<E", "${", "é" * 10, "$(" * 500]
)
def test_what_is_no_script_is_no_trouble(text: str) -> None:
    handed(text, KNOWN)
