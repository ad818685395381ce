"""What a configuration can reach on the host: what its owner opened, and nothing else."""

import os
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.providers.references import References

ENVIRON = {
    "DIRSYNC_CREDENTIAL_A": "  planted  ",
    "DIRSYNC_CREDENTIAL_EMPTY": " ",
    "DIRSYNC_SECRET_KEY": "key-of-the-host",
    "HOME": "/home",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "credentials"
    (inside / "sub").mkdir(parents=True)
    (inside / "token").write_text("\ufeffplanted\n", encoding="utf-8")
    (inside / "sub" / "deep").write_text("planted")
    (inside / "linked").symlink_to("sub/deep")
    (inside / "empty").write_text("\n")
    (inside / "binary").write_bytes(b"\xff\xfe\x00")
    (inside / "huge").write_text("x" * 70_000)
    os.mkfifo(inside / "pipe")
    (tmp_path / "outside").write_text("key-of-the-host")
    (tmp_path / "credentials-not").mkdir()
    (tmp_path / "credentials-not" / "file").write_text("key-of-the-host")
    (inside / "escape").symlink_to("../outside")
    (inside / "escape-folder").symlink_to("..")
    (inside / "absolute").symlink_to(tmp_path / "outside")
    (inside / "circle").symlink_to("circle")
    return inside


@pytest.mark.parametrize(
    "reference", ["env:DIRSYNC_CREDENTIAL_A", "file:token", "file:sub/deep", "file:linked"]
)
def test_a_reference_inside_is_resolved_and_stripped(folder, reference):
    references = References(credentials_dir=folder, environ=ENVIRON)

    assert references.secret(reference, name="token") == "planted"


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ("env:DIRSYNC_SECRET_KEY", "reference_refused"),
        ("env:HOME", "reference_refused"),
        ("env:", "reference_refused"),
        ("env:DIRSYNC_CREDENTIAL_B", "secret_missing"),
        ("env:DIRSYNC_CREDENTIAL_EMPTY", "secret_missing"),
        ("file:../outside", "reference_refused"),
        ("file:sub/../../outside", "reference_refused"),
        ("file:/etc/hostname", "reference_refused"),
        ("file:../credentials-not/file", "reference_refused"),
        ("file:escape", "reference_refused"),
        ("file:escape-folder/outside", "reference_refused"),
        ("file:absolute", "reference_refused"),
        ("file:", "reference_refused"),
        ("file:.", "reference_refused"),
        ("file:sub", "reference_refused"),
        ("file:pipe", "reference_refused"),
        ("file:circle", "file_missing"),
        ("file:nothing", "file_missing"),
        ("file:a\x00b", "file_missing"),
        ("file:" + "x" * 5000, "file_missing"),
        ("file:empty", "secret_missing"),
        ("file:binary", "secret_invalid"),
        ("file:huge", "secret_invalid"),
        ("key-of-the-host", "secret_literal"),
        ("ENV:DIRSYNC_CREDENTIAL_A", "secret_literal"),
        ("vault:key-of-the-host", "secret_literal"),
        ("", "secret_literal"),
    ],
)
def test_anything_else_is_refused_without_telling_what_is_there(folder, reference, code):
    references = References(credentials_dir=folder, environ=ENVIRON)

    with pytest.raises(ConfigurationError) as raised:
        references.secret(reference, name="token")

    assert raised.value.code == code
    assert raised.value.hint
    if not reference.startswith("file:"):
        assert "key-of-the-host" not in str(raised.value)


def test_without_a_credentials_folder_no_file_is_reachable():
    with pytest.raises(ConfigurationError) as raised:
        References(environ=ENVIRON).secret("file:token", name="token")

    assert raised.value.code == "credentials_dir_missing"


def test_the_environment_never_shows_in_a_representation(folder):
    assert "planted" not in repr(References(credentials_dir=folder, environ=ENVIRON))
