"""The wheel as a stranger installs it: everything is in the package, and it works from anywhere."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.demo_command import ROOT

NEEDED = (
    "bot/_manifests/slack-app.yaml",
    "bot/_manifests/slack-app.http.yaml",
    "bot/demo/names.json",
    "bot/demo/static/chat.html",
    "bot/demo/static/chat/main.js",
    "bot/demo/templates/directory.html",
    "core/mail/templates/invitation.html",
    "core/store/migrations/versions/0001_initial.py",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built without the network: the build back end is one of the `dev` extra."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    built = subprocess.run(
        [sys.executable, *build, "-w", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (found,) = folder.glob("slack_dirsync-*.whl")
    return found


@pytest.fixture(scope="module")
def dirsync(wheel: Path, tmp_path_factory) -> Path:
    """The command in a fresh environment, which borrows this one's libraries."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    install = ["--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, timeout=100)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder / "bin" / "dirsync"


def run(dirsync: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LANG": "C.UTF-8"}
    return subprocess.run(
        [str(dirsync), *arguments],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


def test_the_wheel_has_the_page_the_templates_the_migrations_and_the_manifests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert [name for name in NEEDED if name not in names] == []
    assert [name for name in names if name.startswith("tests/")] == []


def test_the_installed_command_is_the_one_of_the_wheel(dirsync, tmp_path):
    where = [
        str(dirsync.parent / "python"),
        "-c",
        "import bot, core; print(bot.__file__, core.__file__)",
    ]
    found = subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, check=True)
    home = str(dirsync.parents[1])
    assert all(path.startswith(home) for path in found.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "socket_mode"), [((), True), (("--http",), False)], ids=["socket", "http"]
)
def test_the_installed_command_prints_the_manifest(dirsync, tmp_path, arguments, socket_mode):
    printed = run(dirsync, "manifest", *arguments, cwd=tmp_path)
    assert printed.returncode == 0, printed.stderr
    manifest = YAML(typ="safe").load(printed.stdout)
    assert manifest["settings"]["socket_mode_enabled"] is socket_mode
    assert manifest["features"]["slash_commands"][0]["command"] == "/dirsync"


def test_the_installed_command_makes_a_database_where_it_stands(dirsync, tmp_path):
    upgraded = run(dirsync, "db", "upgrade", cwd=tmp_path)
    assert upgraded.returncode == 0, upgraded.stderr
    assert (tmp_path / "dirsync.db").stat().st_size > 0
    status = run(dirsync, "status", "--json", cwd=tmp_path)
    assert status.returncode == 0, status.stderr


def test_the_installed_command_plays_the_story_from_an_empty_folder(dirsync, tmp_path):
    played = run(dirsync, "demo", "--play", cwd=tmp_path)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "120 created" in played.stdout.replace("*", "")
    assert list(tmp_path.iterdir()) == []
