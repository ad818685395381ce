"""An admin's own mail templates: what they may do, and how a mistake is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from test_mail import SENDER

from core.errors import TransientRemoteError
from core.mail.message import build_message
from core.mail.templates import Templates, sample
from core.model.account import MailPurpose
from core.model.directory import CheckStatus
from tests.support.clocks import WallClock

INVITATION = MailPurpose.INVITATION
URL = "https://sync.example"


def write(folder: Path, **files: str) -> Templates:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return Templates(folder)


def wrong(templates: Templates, name: str = "Ada") -> str:
    with pytest.raises(TransientRemoteError) as caught:
        templates.render(sample(INVITATION, name), public_url=URL)
    assert caught.value.code == "mail_template"
    return caught.value.message


def test_own_templates_take_the_place_of_those_they_are_named_after(tmp_path):
    templates = write(
        tmp_path,
        invitation__txt="Dear {{ name }}: {{ link }}",
        invitation__subject__txt="Join us, {{ name }}\r\nBcc: all@example.com",
    )
    words = templates.render(sample(INVITATION, "<b>Ada</b>"), public_url=URL)
    assert words.text == f"Dear <b>Ada</b>: {URL}/invitations/sample-of-a-token"
    assert "&lt;b&gt;Ada&lt;/b&gt;" in words.html
    built = build_message(sample(INVITATION), words, sender=SENDER, clock=WallClock())
    assert built["Subject"] == "Join us, <b>Ada</b> Bcc: all@example.com"
    assert built["Bcc"] is None
    welcome = templates.render(sample(MailPurpose.WELCOME))
    assert "you have a license now" in welcome.subject


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one\n{% if name %}\nthree", "invitation.txt, line 2: Unexpected end"),
        ("one\n{{ nmae }}", "invitation.txt, line 2: 'nmae' is undefined"),
        ("one\ntwo\n{{ 1 / 0 }}", "invitation.txt, line 3: division by zero"),
        ("{{ name.__class__.__mro__ }}", "invitation.txt, line 1: access to attribute"),
        ("{% include 'other.txt' %}", "invitation.txt, line 1: other.txt"),
        ("{% include '../secret.txt' %}", "../secret.txt"),
        ("{% for n in range(99999999) %}x{% endfor %}", "Range too big"),
        ("{{ 'x' * 300000 }}", "longer than 200,000 characters"),
    ],
)
def test_a_mistake_is_told_by_file_and_line_and_reaches_nothing(tmp_path, text, said):
    (tmp_path.parent / "secret.txt").write_text("secret")
    assert said in wrong(write(tmp_path, invitation__txt=text))


def test_a_link_that_leaves_the_folder_and_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.txt").write_text("secret")
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "invitation.txt").symlink_to(tmp_path / "outside" / "x.txt")
    assert "leads out of the folder" in wrong(Templates(folder))
    (folder / "invitation.txt").unlink()
    (folder / "invitation.txt").write_bytes(b"\xff\xfe\xfa")
    assert "decode" in wrong(Templates(folder))


def test_an_empty_subject_is_a_mistake(tmp_path):
    assert "the subject is empty" in wrong(write(tmp_path, invitation__subject__txt=" \n"))


def test_a_mended_template_is_used_without_a_restart(tmp_path):
    templates = write(tmp_path, invitation__txt="{{ nmae }}")
    wrong(templates)
    path = tmp_path / "invitation.txt"
    path.write_text("Hello {{ name }}")
    os.utime(path, (1, 1))
    assert templates.render(sample(INVITATION), public_url=URL).text == "Hello Ada Lovelace"


def told(templates: Templates) -> list[tuple[CheckStatus, str]]:
    return [(line.status, line.detail) for line in templates.check()]


def test_the_check_tries_all_kinds_of_people_and_tells_what_is_forgotten(tmp_path):
    assert told(Templates()) == [(CheckStatus.OK, "the shipped ones")]
    assert told(Templates(tmp_path / "none"))[0][0] is CheckStatus.FAILED
    found = told(write(tmp_path, invitation__txt="no link", invitation__htm="x"))
    assert [status for status, _ in found] == [
        CheckStatus.WARNING,
        CheckStatus.OK,
        CheckStatus.WARNING,
        CheckStatus.OK,
    ]
    assert "invitation.htm is not used" in found[0][1]
    assert "must both have {{ link }}" in found[2][1]
    found = told(write(tmp_path, welcome__txt="{{ name[0] }}", invitation__txt="{{ link }}"))
    assert [detail for status, detail in found if status is CheckStatus.FAILED] != []
