"""What a task asks for by name: the volume, the files, the project, the folder, the certificate that is shown."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from checker.check import fail
from checker.inspect.engineview import Container, Mount
from checker.lab.workspace import Workspace
from tlsprobe import Certificate, certificates

FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""The names that Compose looks for by itself."""
PROJECT = "com.docker.compose.project"
"""The label by which Compose knows what is its own."""


def require_volume(mount: Mount, name: str, container: str) -> None:
    """That data lies on the volume of this name."""
    if mount.source != name:
        fail(
            "volume-of-another-name",
            expected=f"The data of {container} lies on the volume {name}.",
            observed=f"It lies on the volume {mount.source}.",
            action=f"Mount it with the name in front of the colon: {name}:{mount.destination}. It is in a variable.",
        )


def require_authority_key(workspace: Workspace, path: str, authority: str) -> None:
    """That the authority's key is kept, and belongs to its certificate."""
    text = workspace.read(path)
    if text is None:
        fail(
            "authority-key-missing",
            expected=f"The authority's key is in {path}: with it the next certificate is issued.",
            observed="There is no such file.",
            action="`openssl req -x509` writes it with -keyout. Keep it, readable for you only.",
        )
    try:
        key = load_pem_private_key(text.encode(), None).public_key()
    except TypeError:
        return  # with a passphrase, which is even better
    except (ValueError, UnsupportedAlgorithm):
        key = None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    known = load_pem_x509_certificate(authority.encode()).public_key()
    if key is None or key.public_bytes(*form) != known.public_bytes(*form):
        fail(
            "authority-key-of-another-pair",
            expected=f"{path} is the key that belongs to the authority's certificate.",
            observed="It is no private key." if key is None else "It belongs to another one.",
            action="Make both in one go, and then issue the server's certificate with that key.",
        )


def require_project(container: Container, workspace: Workspace, path: str, project: str) -> None:
    """That a container was brought up by Compose, as this project, with this file of the workspace."""
    if PROJECT not in container.labels:
        fail(
            "not-from-compose",
            expected=f"The container {container.name} was brought up with Compose.",
            observed="It was not: it has no label of Compose's.",
            action=f"Write {path}, remove that container, and run `docker compose up --detach`.",
        )
    if container.labels[PROJECT] != project:
        fail(
            "project-of-another-name",
            expected=f"The container {container.name} is of the Compose project {project}.",
            observed=f"It is of the project {container.labels[PROJECT]}.",
            action="Leave the name of the project to the variable, or hand it over with --project-name.",
        )
    if all(workspace.read(f"{path.rpartition('compose.yaml')[0]}{name}") is None for name in FILES):
        fail(
            "compose-file-missing",
            expected=f"{path} is in the workspace, so that it can all be brought up again.",
            observed="There is no such file.",
            action=f"Write what Compose is to bring up to {path}.",
        )


def require_read_only(container: Container, folder: str) -> None:
    """That a folder in a container is mounted, and that nothing in there can change what it was given."""
    below = [entry for entry in container.mounts if f"{entry.destination}/".startswith(f"{folder}/")]
    above = container.mount(folder)
    below += [above] if above else []
    if not below:
        fail(
            "folder-not-mounted",
            expected=f"Your folder registry/ is mounted at {folder} in {container.name}.",
            observed=f"Nothing is mounted there: what lies in {folder} is the image's own.",
            action=f"Under volumes, write ./registry:{folder}:ro.",
        )
    if writable := next((entry for entry in below if entry.writable), None):
        fail(
            "folder-writable",
            expected=f"{container.name} can read what is mounted at {folder}, and not change it.",
            observed=f"{writable.source} is mounted at {writable.destination} and can be written to.",
            action="Put :ro behind it. Whoever breaks into the registry could change accounts and keys else.",
        )


def require_shown(leaf: Certificate, workspace: Workspace, path: str, what: str) -> None:
    """That a server shows the very certificate that is in a file."""
    issued = certificates(workspace.read(path) or "")[:1]
    if issued != [leaf]:
        fail(
            "another-certificate-shown",
            expected=f"{what} shows the certificate in {path}.",
            observed=f"It shows another one of your authority, good from {leaf.begins:%Y-%m-%d %H:%M:%S} to "
            f"{leaf.ends:%Y-%m-%d %H:%M:%S} UTC.",
            action="Certificates are read when a server starts: after a new one, bring it up again with "
            "--force-recreate. Mount the one from registry/.",
        )


def require_file(workspace: Workspace, path: str) -> None:
    """That a file of configuration is in the workspace, from where a container is given it."""
    if workspace.read(path) is None:
        fail(
            "configuration-missing",
            expected=f"{path} is in the workspace, so that it can all be brought up again.",
            observed="There is no such file.",
            action="Write it, and let Compose mount it into the container.",
        )
