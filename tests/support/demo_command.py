"""The `dirsync demo` command as a process of its own, for tests."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "bot")
STARTUP = 90.0
_URL = re.compile(r"http://127\.0\.0\.1:\d+")


def clean_environment(**more: str) -> dict[str, str]:
    """The least that a program needs, the checkout on its path, and `more`."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::ResourceWarning", **more}


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run_demo(
    *arguments: str,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
    command: tuple[str, ...] = COMMAND,
    timeout: float = 200,
) -> subprocess.CompletedProcess[str]:
    """Run `dirsync demo` to its end."""
    return subprocess.run(
        [*command, "demo", *arguments],
        cwd=cwd,
        env=dict(environ or clean_environment()),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class RunningDemo:
    """A demo that runs; `url` is its page."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.url = ""
        self._lines: list[str] = []
        self._said = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)
            found = _URL.search(line)
            if found and not self.url:
                self.url = found[0]
            if "Ctrl-C" in line:
                self._said.set()
        self._said.set()

    @property
    def output(self) -> str:
        """What it printed so far, messages and all."""
        return "".join(self._lines)

    def wait_ready(self) -> None:
        """Wait until it has said where it is and how it ends."""
        if not self._said.wait(STARTUP) or self.process.poll() is not None:
            raise AssertionError(f"the demo did not start:\n{self.output}")

    def end(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        """Send the signal; return the exit status."""
        self.process.send_signal(with_signal)
        status = self.process.wait(timeout=60)
        self._reader.join(timeout=30)
        return status


@contextmanager
def running_demo(
    *arguments: str, cwd: Path, environ: Mapping[str, str] | None = None
) -> Iterator[RunningDemo]:
    """Start `dirsync demo`; it is gone afterwards."""
    with subprocess.Popen(
        [*COMMAND, "demo", *arguments],
        cwd=cwd,
        env=dict(environ or clean_environment()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        demo = RunningDemo(process)
        try:
            demo.wait_ready()
            yield demo
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(timeout=60)
