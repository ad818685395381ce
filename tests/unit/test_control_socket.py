"""The socket beside the database, wherever the database is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.control import requests as ask
from bot.control.documents import CycleDocument, StatusDocument
from bot.control.doors import LocalDoor, SocketDoor
from bot.control.opening import Need, open_door
from core.settings import Settings


async def nobody(_cycle: CycleDocument) -> None:
    """Tell nobody."""


@pytest.mark.parametrize("depth", [0, 6])
async def test_every_verb_works_beside_another_process_however_long_the_path_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: int
):
    folder = tmp_path.joinpath(*["a-folder-of-some-thirty-letters"] * depth)
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir("/")
    settings = Settings.from_environment(
        {"DIRSYNC_DATABASE_URL": f"sqlite:///{folder / 'dirsync.db'}"}
    )
    async with open_door(settings, need=Need.WRITE) as here:
        assert isinstance(here, LocalDoor)
        assert (settings.control_socket.stat().st_mode & 0o777) == 0o600
        async with open_door(settings, need=Need.READ) as there:
            assert isinstance(there, SocketDoor)
            status = await there.ask(ask.Status(), StatusDocument, tell=nobody)
            assert status.configurations == ()
    assert not settings.control_socket.exists()
