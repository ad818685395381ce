"""The `dirsync` command."""

from __future__ import annotations

import os

from core.collector import be_patient


def main() -> None:
    """Run the command line and end the process with its exit status.

    What it writes (database, socket, mail, backups) has personal data in it, so that nobody else
    may read it.
    """
    os.umask(0o077)
    be_patient()
    from bot.cli.app import build  # noqa: PLC0415 - now that the collector is patient

    build()()


if __name__ == "__main__":
    main()
