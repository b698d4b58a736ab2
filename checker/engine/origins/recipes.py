"""The base images, each with its two origins.

Whoever built on an image must not notice where it came from, so the recipes give the same paths,
entry points and defaults as the upstream images as far as the labs use them.
"""

from checker.engine.origins import Addition, BaseImage, File, Recipe
from checker.engine.origins.shell_files import FOLDERS, PATH, SHELL_FILES, SHELL_LINKS
from checker.engine.origins.shop import MENDED, WEAK

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

NGINX_CONFIG = """\
user nginx;
worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log notice;

events {
    worker_connections 1024;
}

http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log combined;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
"""

NGINX_SITE = """\
server {
    listen 80;
    server_name localhost;
    root /usr/share/nginx/html;
    index index.html;
}
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

SETTINGS = "etc/registry-lab/settings.json"

COMPILE = """\
RUN ["python3", "-c", "import compileall, py_compile, sys; \\
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH; \\
sys.exit(not all([compileall.compile_dir(place, quiet=1, workers=0, invalidation_mode=mode) \\
for place in sys.path if place and not place.endswith('.zip')]))"]"""
"""Everything that can be imported: none of these containers could keep what it compiles when it starts."""

SERVICES = BaseImage(
    name="services",
    tag="registry-lab/services:1",
    upstream="docker.io/library/python:3.11-slim-bookworm",
    lent={"/usr/local/bin/registry": ("docker.io/library/registry:2.8.3", "/bin/registry")},
    recipe=Recipe(
        packages=(
            "python3.11-minimal",
            "libpython3.11-minimal",
            "libpython3.11-stdlib",
            "docker-registry",
            "libbz2-1.0",
            "libc6",
            "libexpat1",
            "libffi8",
            "libgcc-s1",
            "liblzma5",
            "libsqlite3-0",
            "libssl3",
            "libuuid1",
            "zlib1g",
        ),
        files=SHELL_FILES,
        links={"usr/bin/python3": "python3.11", "usr/bin/registry": "docker-registry"},
        folders=FOLDERS,
        changes=(PATH,),
    ),
    addition=Addition(
        place="opt/registry-lab",
        wheels="services.lock",
        sources=("__init__.py", "lookalikes.py", "services/**/*.py"),
        folders={
            "etc/registry-lab": 0o755,
            "var/lib/registry": 0o755,
            "var/lib/registry-lab": 0o700,
        },
        changes=(
            "ENV PYTHONPATH=/opt/registry-lab PYTHONUNBUFFERED=1",
            COMPILE,
            "EXPOSE 5000 8000",
            "WORKDIR /",
            f'ENTRYPOINT ["python3", "-m", "checker.services", "--settings", "/{SETTINGS}"]',
            "CMD []",
        ),
    ),
)

NGINX = BaseImage(
    name="nginx",
    tag="registry-lab/nginx:1",
    upstream="docker.io/library/nginx:1.26-alpine",
    recipe=Recipe(
        packages=(
            "nginx",
            "nginx-common",
            "libc6",
            "libcrypt1",
            "libpcre2-8-0",
            "libssl3",
            "zlib1g",
            "busybox-static",
        ),
        files={
            "etc/passwd": File(
                SHELL_FILES["etc/passwd"].text + "nginx:x:101:101:nginx:/nonexistent:/bin/false\n"
            ),
            "etc/group": File(SHELL_FILES["etc/group"].text + "nginx:x:101:\n"),
            "etc/nginx/nginx.conf": File(NGINX_CONFIG),
            "etc/nginx/conf.d/default.conf": File(NGINX_SITE),
        },
        links={
            **SHELL_LINKS,
            "var/log/nginx/access.log": "/dev/stdout",
            "var/log/nginx/error.log": "/dev/stderr",
            "var/run": "/run",
        },
        folders={**FOLDERS, "run": 0o755, "var/cache/nginx": 0o755, "var/lib/nginx": 0o755},
        changes=(PATH, "EXPOSE 80", 'CMD ["nginx", "-g", "daemon off;"]'),
    ),
)

TABLE: dict[str, BaseImage] = {
    image.name: image for image in (REGISTRY, BUSYBOX, COMPILER, SERVICES, NGINX, WEAK, MENDED)
}
