"""The engines that the labs are tried against, and how each is started in the Debian 13 root."""

import msgspec

SOCKET = "unix:///var/run/docker.sock"
LEARNER = "learner"
"""The user of the root who is not root."""
BUILDX = "/usr/libexec/docker/cli-plugins"
TESTING = "/opt/testing"
"""Where Debian testing's engine is unpacked in the root."""
CONTAINERD_STORE = '{"features": {"containerd-snapshotter": true}}'


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One engine.

    start: bash lines that start it in the background. path: folders before all others on the PATH. user: who plays the
    labs. host: the engine's address; of a rootless one below that user's XDG_RUNTIME_DIR.
    """

    title: str
    start: str
    user: str = "root"
    host: str = SOCKET
    path: str = ""


def _dockerd(configuration: str = "{}", before: str = "") -> str:
    return (
        f"{before}mkdir -p /etc/docker; echo '{configuration}' > /etc/docker/daemon.json\n"
        "dockerd --cgroup-parent=/registry-lab-engines &\n"
    )


ROOTLESS_DOCKER = (
    f"su {LEARNER} -c 'PATH=$PATH:/usr/sbin:/sbin DOCKERD_ROOTLESS_ROOTLESSKIT_NET=slirp4netns "
    "/usr/share/docker.io/contrib/dockerd-rootless.sh' &\n"
)
PODMAN = "podman --runtime=runc --cgroup-manager=cgroupfs system service --time=0"
"""With runc, as crun refuses control groups of both versions at once, which some machines have."""
LIMITS = """echo '[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]' > /etc/containers/containers.conf
"""
"""Podman raises these limits of a build by itself, which a root without CAP_SYS_RESOURCE may not."""
ROOTLESS = "unix:///run/user/1000/"

KINDS = {
    "docker-26-legacy": Kind(
        title="Docker 26.1, legacy builder",
        start=_dockerd(before=f"mount --bind /dev/null {BUILDX}/docker-buildx\n"),
    ),
    "docker-26": Kind(title="Docker 26.1, BuildKit", start=_dockerd()),
    "docker-26-containerd": Kind(
        title="Docker 26.1, BuildKit, containerd's image store", start=_dockerd(CONTAINERD_STORE)
    ),
    "docker-28-containerd": Kind(
        title="Docker 28.5, BuildKit, containerd's image store",
        start=_dockerd(
            CONTAINERD_STORE, f"mount --bind {TESTING}{BUILDX}/docker-buildx {BUILDX}/docker-buildx\n"
        ),
        path=f"{TESTING}/usr/bin:{TESTING}/usr/sbin",
    ),
    "docker-26-rootless": Kind(
        title="Docker 26.1, rootless", start=ROOTLESS_DOCKER, user=LEARNER, host=f"{ROOTLESS}docker.sock"
    ),
    "podman-5": Kind(
        title="Podman 5.4, as root, through its Docker API",
        start=f"{LIMITS}{PODMAN} {SOCKET} &\n",
    ),
    "podman-5-rootless": Kind(
        title="Podman 5.4, rootless, through its Docker API",
        start=f"{LIMITS}mkdir -p /run/user/1000/podman; chown -R {LEARNER} /run/user/1000\n"
        f"su {LEARNER} -c '{PODMAN} {ROOTLESS}podman/podman.sock' &\n",
        user=LEARNER,
        host=f"{ROOTLESS}podman/podman.sock",
    ),
}
