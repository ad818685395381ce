"""The `dirsync` command."""

from __future__ import annotations

from bot.cli.app import build


def main() -> None:
    """Run the command line and end the process with its exit status."""
    build()()


if __name__ == "__main__":
    main()
