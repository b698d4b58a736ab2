"""`python3 -m checker.services MODE --settings FILE`: run one service until it is told to stop."""

import argparse
import sys
from pathlib import Path

from checker.services.settings import BadSettings, read


def main() -> int:
    """Return the exit status: 0 told to stop, 1 something it is made of ended, 2 wrong settings."""
    parser = argparse.ArgumentParser(prog="checker.services")
    parser.add_argument("mode", choices=("hub", "roles", "events"))
    parser.add_argument("--settings", type=Path, required=True)
    chosen = parser.parse_args()
    try:
        settings = read(chosen.settings)
    except BadSettings as error:
        print(error, file=sys.stderr)
        return 2
    from checker.services.serve import run

    return run(chosen.mode, settings)


if __name__ == "__main__":
    sys.exit(main())
