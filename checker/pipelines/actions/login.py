"""docker/login-action: `docker login` with the password on standard input."""

from .common import ActionTask, Failed, call


def run(task: ActionTask) -> None:
    registry, user, password = task.text("registry"), task.text("username"), task.text("password")
    if not user and not password:
        raise Failed("Username and password required")
    if not user or not password:
        raise Failed("Username required" if not user else "Password required")
    where = [] if registry in ("", "docker.io") else [registry]
    call("docker", "login", "--username", user, "--password-stdin", *where, text=password)
