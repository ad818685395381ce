"""The `dirsync` command."""

from __future__ import annotations

import os

from bot.cli.app import build


def main() -> None:
    """Run the command line and end the process with its exit status.

    What it writes (database, socket, mail, backups) has personal data in it, so that nobody else
    may read it.
    """
    os.umask(0o077)
    build()()


if __name__ == "__main__":
    main()
