"""The first process of a sandbox: it closes the namespaces behind itself, then runs one command.

Started by `sandbox` as a script, in namespaces of its own where there are any, and imports nothing of
ours. Over a socket, whose file descriptor is its argument, it hands out what listens in here, says which
protection could not be had, and notices when whoever started it is gone. It is the init of its process
namespace: when it ends, everything that was started in here ends with it.
"""

import array
import ctypes
import fcntl
import json
import os
import selectors
import signal
import socket
import struct
import sys
from collections.abc import Iterator

LINE = 64 * 1024
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
MS_BIND, MS_REC, MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x1000, 0x4000, 0x2, 0x4, 0x8
SYS_MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 0x1
"""From <linux/sockios.h>, <linux/mount.h> and mount_setattr(2); the number is that of x86-64 and arm64."""


def main(control: int) -> int:
    """Run what the order on the control socket asks for; its exit code, 128 + N for a signal N."""
    talk = socket.socket(fileno=control)
    talk.set_inheritable(False)
    order = json.loads(_line(talk))
    missing = list(_close_network(talk, order["ports"]) if order["network"] else ())
    if order["mounts"]:
        missing += _close_files(order["place"], order["temporary"], order["shown"])
    talk.sendall(json.dumps(missing).encode() + b"\n")
    child = os.fork()
    if child == 0:
        _become(order)
    return _wait(child, talk)


def _line(talk: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        more = talk.recv(LINE)
        if not more:
            raise SystemExit(1)
        data += more
    return data


def _close_network(talk: socket.socket, ports: list[int]) -> Iterator[str]:
    """Start the loopback interface, listen on the ports of this sandbox and hand the listeners out."""
    with socket.socket() as any_socket:
        name = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, SIOCGIFFLAGS, name))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))
    listeners = []
    for port in ports:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        listeners.append(listener)
    handles = array.array("i", [listener.fileno() for listener in listeners])
    talk.sendmsg([b"listening\n"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)] if handles else [])
    for listener in listeners:
        listener.close()
    yield from ()


def _close_files(place: str, temporary: list[str], shown: list[str]) -> Iterator[str]:
    """Yield a /proc that shows this sandbox only, temporary folders of its own, and no write anywhere else but
    in `place`.

    shown: folders that are needed, and can be seen if they lie in a temporary folder of the machine's.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None):
        yield "other processes of this machine can be seen"
    folders = sorted({os.path.realpath(folder) for folder in temporary if os.path.isdir(folder)})  # noqa: PTH112
    # Held open, as a new folder is going to lie over the one that they are in. Outer ones first, for the same reason.
    held = {
        path: os.open(path, os.O_PATH)
        for path in sorted({place, *(path for path in shown if os.path.isdir(path))})  # noqa: PTH112
        if path == place
        or (any(path.startswith(f"{folder}/") for folder in folders) and not path.startswith(f"{place}/"))
    }
    for folder in folders:
        if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=1777,size=25%"):
            yield "temporary folders are those of this machine"
            break
    for path, handle in held.items():
        os.makedirs(path, exist_ok=True)  # noqa: PTH103
        # With what is mounted below: a user namespace may not take that off to show what is under it.
        if libc.mount(
            os.fsencode(f"/proc/self/fd/{handle}"), os.fsencode(path), None, MS_BIND | MS_REC, None
        ):
            yield "files outside the copy can be written"
            return
        os.close(handle)
    if _set_read_only(libc, b"/", True):
        yield "files outside the copy can be written"
    for folder in (*folders, place):
        _set_read_only(libc, os.fsencode(folder), False)
    os.chdir(place)


def _set_read_only(libc: ctypes.CDLL, path: bytes, on: bool) -> int:
    change = struct.pack("QQQQ", MOUNT_ATTR_RDONLY if on else 0, 0 if on else MOUNT_ATTR_RDONLY, 0, 0)
    flags = AT_RECURSIVE if on else 0
    return int(libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path, flags, change, len(change)))


def _become(order: dict[str, list[str]]) -> None:
    """Turn into the command; what it may not inherit is closed."""
    signal.set_wakeup_fd(-1)
    try:
        os.execvpe(order["command"][0], order["command"], dict(os.environ))  # noqa: S606 - no shell is wanted
    except OSError as error:
        print(f"{order['command'][0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


def _wait(child: int, talk: socket.socket) -> int:
    """Wait for the child, burying whoever else ends; over as well when the other end of `talk` is closed."""
    talk.setblocking(False)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        selector.register(talk, selectors.EVENT_READ)
        while True:
            try:
                while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                    if ended[0] == child:
                        code = os.waitstatus_to_exitcode(ended[1])
                        return code if code >= 0 else 128 - code
            except ChildProcessError:
                return 1
            for key, _ in selector.select():
                if key.fileobj is talk:
                    os.kill(child, signal.SIGKILL)
                    return 1
                os.read(reader, 512)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
