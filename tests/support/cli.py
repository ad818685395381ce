"""The `dirsync` command in this process, and `dirsync run` as a process beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import structlog
import typer.testing
from typer.main import get_command
from typer.testing import CliRunner

from bot.cli.app import build

build = cache(build)
typer.testing._get_command = cache(get_command)
"""Half of the time of a short command is making the tree of verbs, which is always the same."""
STARTUP = 90.0
ROOT = Path(__file__).resolve().parents[2]
FILE = """\
licenses: {total: 20}
configurations:
  - name: people
    provider: {type: csv, file: people.csv}
    scope: {domains: [example.com]}
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout; fails if there is more or less."""
        return json.loads(self.out)


@dataclass
class Host:
    """A machine with dirsync on it: a folder, an environment, a CSV file as the directory."""

    folder: Path
    database_url: str
    more: dict[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "DIRSYNC_DATABASE_URL": self.database_url,
            "DIRSYNC_CREDENTIALS_DIR": str(self.folder / "credentials"),
            "DIRSYNC_HTTP_BIND": "127.0.0.1:0",
            "DIRSYNC_SMTP_URL": "",
            **self.more,
        }

    def prepare(self, people: int = 12) -> None:
        """Write the directory and a configuration file."""
        (self.folder / "credentials").mkdir(mode=0o700, exist_ok=True)
        self.write_people(people)
        (self.folder / "people.yaml").write_text(FILE)

    def write_people(self, people: int) -> None:
        lines = ["id,email,userName,displayName,active"]
        lines += [f"p{i},p{i}@example.com,p{i},Person {i},true" for i in range(people)]
        (self.folder / "credentials" / "people.csv").write_text("\n".join(lines) + "\n")

    def __call__(self, *arguments: str, stdin: str | None = None) -> Ran:
        """Run one verb in this process."""
        result = Here().invoke(
            build(), list(arguments), env=self.environ, input=stdin, catch_exceptions=False
        )
        return Ran(result.exit_code, result.stdout, result.stderr)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Have `dirsync run` as a process of its own, ready, until the block ends."""
        process = spawn(("run", *arguments), {**os.environ, **self.environ}, self.folder)
        try:
            wait_for_line(process, "run.ready")
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


class Here(CliRunner):
    """Runs a command in this process, and leaves the logs of the tests after it as they were."""

    def invoke(self, *arguments, **options):
        try:
            return super().invoke(*arguments, **options)
        finally:
            structlog.reset_defaults()


def spawn(
    arguments: tuple[str, ...], environ: Mapping[str, str], folder: Path
) -> subprocess.Popen[str]:
    """Start `dirsync` as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env={**environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_line(process: subprocess.Popen[str], words: str) -> str:
    """Return the first line of stderr that has these words."""
    assert process.stderr is not None
    until = time.monotonic() + STARTUP
    seen = []
    while time.monotonic() < until:
        line = process.stderr.readline()
        if words in line:
            return line
        if not line and process.poll() is not None:
            break
        seen.append(line)
    raise AssertionError(f"never said {words!r}: {''.join(seen)}")
