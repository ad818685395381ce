"""A server that nobody should call, and an environment in which everything points to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.demo_command import clean_environment


class Trap:
    """A server on loopback that should hear nothing; `calls` counts who came."""

    def __init__(self) -> None:
        self.calls = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.calls += 1
                connection.close()

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=5)


@contextmanager
def set_trap() -> Iterator[Trap]:
    trap = Trap()
    try:
        yield trap
    finally:
        trap.close()


def poisoned(trap: Trap, folder: Path) -> dict[str, str]:
    """An environment in which everything that could be read is real, and wrong for a demo."""
    proxy = f"http://127.0.0.1:{trap.port}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY")
    proxies = {name: proxy for upper in names for name in (upper, upper.lower())}
    return clean_environment(
        **proxies,
        SLACK_BOT_TOKEN="xoxb-1-real",
        SLACK_APP_TOKEN="xapp-1-real",
        SLACK_SIGNING_SECRET="0123456789abcdef0123456789abcdef",
        SLACK_CLIENT_ID="1.2",
        SLACK_CLIENT_SECRET="real",
        SLACK_API_URL=f"{proxy}/api/",
        DIRSYNC_DATABASE_URL=f"sqlite:///{folder}/real.db",
        DIRSYNC_SMTP_URL=f"smtp://127.0.0.1:{trap.port}",
        DIRSYNC_HTTP_BIND=f"127.0.0.1:{trap.port}",
        DIRSYNC_PUBLIC_URL=proxy,
        DIRSYNC_CHANNEL="C0REALREAL",
        DIRSYNC_ADMINS="U0MEMBER01",
        DIRSYNC_VIEWERS="U0MEMBER01",
        DIRSYNC_SECRET_KEY="short",
        DIRSYNC_LEASE_SECONDS="never",
        DIRSYNC_CREDENTIALS_DIR=str(folder),
        DIRSYNC_CREDENTIAL_DEMO="a real token",
    )
