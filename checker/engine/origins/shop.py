"""Base images to be scanned: Debian 12 with Python, a web server's packages and a little JavaScript.

`shop-base:1` is really vulnerable: its packages have the weaknesses that the lab's advisories know.
`shop-base:2` has the same packages in versions that are mended. Both have pip and, on a shelf, the mended
versions, so that `pip install --upgrade` works without a network.
"""

from checker.engine.origins import Archive, BaseImage, Installed, Stock
from checker.engine.origins.shell_files import FOLDERS, SHELL_FILES, SHELL_LINKS

WHEELS = "/opt/wheels"
ARCHIVES = "/opt/archives"
MODULES = "/srv/shop/node_modules"

LODASH_OLD = Archive(
    package="lodash@4.17.4",
    integrity="sha512-6X37Sq9KCpLSXEh8uM12AKYlviHPNNk4RxiGBn4cmKGJinbXBneWIV7iE/nXkM928O7ytHcHb6+X6Svl0f4hXg==",
    files=("package.json", "LICENSE", "lodash.min.js"),
)
LODASH_NEW = Archive(
    package="lodash@4.18.1",
    integrity="sha512-dMInicTPVE8d1e5otfwmmjlxkZoUpiVLwyeTdUsi/Caj/gfzzblBcCE5sRHV/AsjuCmxWrte2TNGSYuCeCq+0Q==",
    files=("package.json", "LICENSE", "lodash.min.js"),
)
MINIMIST_OLD = Archive(
    package="minimist@0.0.8",
    integrity="sha512-miQKw5Hv4NS1Psg2517mV4e4dYNaO3++hjAvLOAzKqZ61rH8NS1SK+vbfBWZ5PY/Me/bEWhUwqMghEW5Fb9T7Q==",
    files=("package.json", "LICENSE", "index.js"),
)

SHELF: dict[str, tuple[str, ...]] = {WHEELS: ("shop-2.lock", "shop-wheels.lock")}

PIP = r"""RUN printf '%s\n' '#!/opt/venv/bin/python3' 'from pip._internal.cli.main import main' \
'raise SystemExit(main())' > /opt/venv/bin/pip && chmod 755 /opt/venv/bin/pip"""

CHANGES = (
    'RUN ["python3", "-m", "venv", "--without-pip", "/opt/venv"]',
    PIP,
    "ENV PATH=/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    f"ENV PYTHONUNBUFFERED=1 PIP_NO_INDEX=1 PIP_FIND_LINKS={WHEELS} PIP_ROOT_USER_ACTION=ignore",
    "ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_COMPILE=1",
    "WORKDIR /srv/shop",
    'CMD ["python3"]',
)

RECIPE = Installed(
    packages=(
        "python3.11-minimal",
        "libpython3.11-minimal",
        "libpython3.11-stdlib",
        "base-files",
        "busybox-static",
        "libbz2-1.0",
        "libc6",
        "libexpat1",
        "libffi8",
        "libgcc-s1",
        "liblzma5",
        "libssl3",
        "libuuid1",
        "zlib1g",
    ),
    files=SHELL_FILES,
    links={**SHELL_LINKS, "usr/bin/python3": "python3.11"},
    folders={**FOLDERS, "srv/shop": 0o755},
)

PLACE = "opt/venv/lib/python3.11/site-packages"

WEAK = BaseImage(
    name="shop-base",
    tag="registry-lab/shop-base:1",
    upstream="docker.io/library/python:3.11-slim-bookworm",
    recipe=RECIPE,
    addition=Stock(
        place=PLACE,
        wheels="shop-1.lock",
        sources=(),
        shelf=SHELF,
        archives={
            f"{MODULES}/lodash": LODASH_OLD,
            f"{MODULES}/minimist": MINIMIST_OLD,
            f"{ARCHIVES}/lodash": LODASH_NEW,
        },
        changes=CHANGES,
    ),
)

MENDED = BaseImage(
    name="shop-base-fixed",
    tag="registry-lab/shop-base:2",
    upstream="docker.io/library/python:3.11-slim-bookworm",
    recipe=RECIPE,
    addition=Stock(
        place=PLACE,
        wheels="shop-2.lock",
        sources=(),
        shelf=SHELF,
        archives={f"{MODULES}/lodash": LODASH_NEW},
        changes=CHANGES,
    ),
)
