"""The base images, each with its two origins.

Whoever built on an image must not notice where it came from, so the recipes give the same paths,
entry points and defaults as the upstream images as far as the labs use them.
"""

from checker.origins import BaseImage, File, Recipe

APPLETS = (
    "[ ash awk base64 basename cat chgrp chmod chown chroot clear cmp cp cut date dd df "
    "diff dirname du echo env expr false find free fold grep gunzip gzip head hexdump hostname httpd id "
    "ip kill killall less ln ls md5sum mkdir mknod mktemp more mount mv nc nslookup od ping "
    "printf ps pwd readlink realpath rm rmdir sed seq sh sha1sum sha256sum sha512sum sleep sort "
    "stat strings stty sync tail tar tee telnet test time timeout top touch tr true tty umount uname uniq "
    "unzip uptime vi wc wget which whoami xargs yes"
).split()
"""Commands that are links to busybox. Debian's build of it has all of these."""

SHELL_FILES = {
    "etc/passwd": File(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    ),
    "etc/group": File("root:x:0:\nnogroup:x:65534:\n"),
}
SHELL_LINKS = {f"usr/bin/{applet}": "busybox" for applet in APPLETS}
FOLDERS = {"tmp": 0o1777, "root": 0o700}
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

REGISTRY_CONFIG = """\
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""

REGISTRY_ENTRYPOINT = """\
#!/bin/sh
# A configuration file or a command of the registry's own may be given in place of a program.
case "$1" in
    *.yaml | *.yml) set -- registry serve "$@" ;;
    serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
"""

CC = """\
#!/bin/sh
# A small C compiler: tcc, with musl as its C library. What it links is always static.
# tcc's own linker does not know all relocations of musl on every machine; where GNU ld came along, ld links.
# Names of source, object and library files must not hold blanks.
musl=/usr/lib/@MUSL@
tcc=/usr/lib/@GNU@/tcc
ld=$(command -v @GNU@-ld.bfd)
headers="-nostdinc -isystem /usr/include/@MUSL@ -isystem $tcc/include"
link=yes
for word; do
    case "$word" in
        -c | -E) link= ;;
        -v | --version) exec tcc -v ;;
    esac
done
if [ -z "$link" ]; then
    exec tcc "$@" $headers
fi
if [ -z "$ld" ]; then
    exec tcc -static -nostdlib "$musl/crt1.o" "$musl/crti.o" "$@" $headers \\
        -L"$musl" -lc "$tcc/libtcc1.a" "$musl/crtn.o"
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
output=a.out sources= inputs= count=0
left=$#
while [ "$left" -gt 0 ]; do # what is put behind the last word stays: options for the compiler
    word=$1
    shift
    left=$((left - 1))
    case "$word" in
        -o | -I | -D | -U | -L | -l | -include | -isystem)
            value=$1
            shift
            left=$((left - 1))
            case "$word" in
                -o) output=$value ;;
                -[Ll]) inputs="$inputs $word$value" ;;
                *) set -- "$@" "$word" "$value" ;;
            esac ;;
        -o*) output=${word#-o} ;;
        -static) ;;
        -s | -L* | -l* | *.o | *.a) inputs="$inputs $word" ;;
        *.c | *.S)
            count=$((count + 1))
            sources="$sources $word"
            inputs="$inputs $work/$count.o" ;;
        *) set -- "$@" "$word" ;;
    esac
done
count=0
for source in $sources; do
    count=$((count + 1))
    tcc -c "$@" $headers -o "$work/$count.o" "$source" || exit 1
done
"$ld" -static -o "$output" "$musl/crt1.o" "$musl/crti.o" $inputs \\
    -L"$musl" -lc "$tcc/libtcc1.a" -lc "$musl/crtn.o"
"""

REGISTRY = BaseImage(
    name="registry",
    tag="registry-lab/registry:2",
    upstream="docker.io/library/registry:2.8.3",
    recipe=Recipe(
        packages=("docker-registry", "libc6", "busybox-static"),
        files={
            **SHELL_FILES,
            "etc/docker/registry/config.yml": File(REGISTRY_CONFIG),
            "entrypoint.sh": File(REGISTRY_ENTRYPOINT, 0o755),
        },
        links={**SHELL_LINKS, "usr/bin/registry": "docker-registry"},
        folders={**FOLDERS, "var/lib/registry": 0o755},
        changes=(
            PATH,
            "EXPOSE 5000",
            "VOLUME /var/lib/registry",
            'ENTRYPOINT ["/entrypoint.sh"]',
            'CMD ["/etc/docker/registry/config.yml"]',
        ),
    ),
)

BUSYBOX = BaseImage(
    name="busybox",
    tag="registry-lab/busybox:1",
    upstream="docker.io/library/busybox:1.36-musl",
    recipe=Recipe(
        packages=("busybox-static",),
        files=SHELL_FILES,
        links=SHELL_LINKS,
        folders=FOLDERS,
        changes=(PATH, 'CMD ["sh"]'),
    ),
)

COMPILER = BaseImage(
    name="cc",
    tag="registry-lab/cc:1",
    upstream="docker.io/library/gcc:13-bookworm",
    recipe=Recipe(
        packages=("tcc", "musl-dev", "musl", "libc6", "busybox-static"),
        more={
            # With GNU ld and its libraries; see the compiler's own comment.
            "arm64": (
                "binutils-aarch64-linux-gnu",
                "libbinutils",
                "libctf0",
                "libjansson4",
                "libzstd1",
                "zlib1g",
            )
        },
        files={**SHELL_FILES, "usr/bin/cc": File(CC, 0o755)},
        links={**SHELL_LINKS, "usr/bin/gcc": "cc"},
        folders=FOLDERS,
        changes=(PATH, 'CMD ["sh"]'),
    ),
)

TABLE: dict[str, BaseImage] = {image.name: image for image in (REGISTRY, BUSYBOX, COMPILER)}
