"""What the doctor says of libraries that may be there."""

from bot.cli.doctor import ldap_lines
from core.model.directory import CheckStatus


def test_the_ldap_libraries_are_named_and_the_missing_one_too():
    assert list(ldap_lines(None, "3.4.8")) == []
    (whole,), (half,) = ldap_lines("1.5.5", "3.4.8"), ldap_lines("1.5.5", None)

    assert (whole.status, whole.detail) == (CheckStatus.OK, "bonsai 1.5.5, python-ldap 3.4.8")
    assert (half.status, half.code) == (CheckStatus.WARNING, "extra_incomplete")
    assert "slack-dirsync[ldap]" in half.hint
