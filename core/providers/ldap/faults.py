"""Turning LDAP result codes (RFC 4511 appendix A) into errors with a text for people."""

from __future__ import annotations

import re
from typing import Final

from core.errors import (
    ConfigurationError,
    DirsyncError,
    PermissionMissingError,
    SignInError,
    TerminalRemoteError,
    TransientRemoteError,
)
from core.http.redaction import Redactor
from core.providers.ldap.wire import NOT_INSTALLED, Failed

SERVER_DOWN: Final = frozenset({-1, -11, -101})
ADMIN_LIMIT: Final = 11
NO_SUCH_OBJECT: Final = 32
SIZE_LIMIT: Final = 4
NO_LIBRARY: Final = "extra_missing"
_TIMEOUTS: Final = frozenset({-5, 3, 85})
_REFUSED: Final = frozenset({14, 48, 49})
_OTHER: Final = 80
_UNKNOWN_MECHANISM: Final = frozenset({-6, 7})
_WANTS_TLS: Final = frozenset({8, 13})
_BAD_FILTER: Final = frozenset({-7, 18})
_BAD_NAME: Final = 34
NO_RIGHT: Final = 50
_OPERATIONS: Final = 1
_REFERRALS: Final = frozenset({9, 10})
_AD_REASON: Final = re.compile(r"data ([0-9a-f]{3,4})\b")
_AD_REASONS: Final = {
    "525": "there is no such account",
    "52e": "the password is wrong",
    "530": "the account may not sign in at this time",
    "531": "the account may not sign in from this machine",
    "532": "the password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "the password must be changed first",
    "775": "the account is locked",
}


def called(host: str) -> str:
    """Return what texts for people call the server, at the beginning of a sentence."""
    return f"The LDAP server at {host}"


def from_result(failed: Failed, *, host: str, signing_in: bool) -> DirsyncError:
    """Return the error for a result that is no success."""
    code = failed.code
    if code == NOT_INSTALLED:
        return not_installed()
    if signing_in or code in _REFUSED:
        refused = _sign_in_error(failed, host)
        if refused is not None:
            return refused
    return _search_error(failed, host)


def not_installed() -> ConfigurationError:
    """Return the error of a host without the LDAP library."""
    return ConfigurationError(
        "dirsync was installed without LDAP.",
        code=NO_LIBRARY,
        hint="Whoever runs dirsync installs slack-dirsync[ldap]; that needs the system's packages "
        "libldap2-dev and libsasl2-dev and a C compiler.",
    )


def _sign_in_error(failed: Failed, host: str) -> DirsyncError | None:
    peer, code = called(host), failed.code
    if code in _REFUSED or (code == _OTHER and "SASL" in failed.text):
        reason = _AD_REASON.search(failed.text)
        why = _AD_REASONS.get(reason.group(1), "") if reason else ""
        return SignInError(
            f"{peer} refused the credentials{f': {why}' if why else ''}.",
            hint="Check user and password. Active Directory takes a user such as "
            "reader@example.com, other directories take the whole DN.",
        )
    if code in _UNKNOWN_MECHANISM:
        return SignInError(
            f"{peer} does not offer this way to sign in.{_said(failed)}",
            code="mechanism_missing",
            hint="Leave sasl out to sign in with user and password, or name a mechanism that the "
            "server offers and that is installed here.",
        )
    if code in _WANTS_TLS:
        return TerminalRemoteError(
            f"{peer} wants an encrypted connection.",
            code="tls",
            hint="Use an ldaps:// URL, or leave start_tls on.",
        )
    return None


def _search_error(failed: Failed, host: str) -> DirsyncError:
    peer, code = called(host), failed.code
    if code in SERVER_DOWN:
        return TransientRemoteError(
            f"{peer} broke off before its answer was complete.",
            code="connection_lost",
            hint="dirsync tries again at the next sync.",
        )
    if code in _TIMEOUTS:
        return TransientRemoteError(
            f"{peer} did not answer in time.",
            code="timeout",
            hint="It may be overloaded; a smaller page_size can help.",
        )
    if code in {SIZE_LIMIT, ADMIN_LIMIT}:
        return TerminalRemoteError(
            f"{peer} lists no more people than its limit allows this account.",
            code="size_limit",
            hint="Raise the limit for this account: in OpenLDAP "
            "limits dn.exact=… size.pr=unlimited size.prtotal=unlimited.",
        )
    if code in _REFERRALS:
        return referred(host)
    if code == NO_RIGHT or (code == _OPERATIONS and "bind" in failed.text):
        return PermissionMissingError(
            f"{peer} accepted the sign-in but not the request.{_said(failed)}",
            hint="Give the account the right to read people and groups below the base.",
        )
    return _wrong_question(failed, host) or TransientRemoteError(
        f"{peer} reports trouble of its own (LDAP result {code}).{_said(failed)}",
        hint="Sync again in a while; if it stays like this, ask whoever runs the directory.",
    )


def _wrong_question(failed: Failed, host: str) -> DirsyncError | None:
    peer = called(host)
    if failed.code == NO_SUCH_OBJECT:
        return TerminalRemoteError(
            f"{peer} shows nothing under the configured base.",
            code="base_missing",
            hint="Check base and groups_base, and that the account may read there.",
        )
    if failed.code == _BAD_NAME:
        return TerminalRemoteError(
            f"{peer} does not understand the configured base.",
            code="base_missing",
            hint="A base is a DN such as ou=people,dc=example,dc=com.",
        )
    if failed.code in _BAD_FILTER:
        return TerminalRemoteError(
            f"{peer} does not understand the configured filter.",
            code="filter_invalid",
            hint="Check people_filter and groups_filter.",
        )
    return None


def referred(host: str, target: str = "") -> TerminalRemoteError:
    """Return the error of a directory whose data are partly on another server."""
    where = f" ({target})" if target else ""
    return TerminalRemoteError(
        f"{called(host)} says that a part of what was asked for is on another server{where}.",
        code="referral_refused",
        hint="dirsync sends the credential nowhere else. Name a base that this server holds "
        "whole, or set skip_referrals: true to do without that part.",
    )


def _said(failed: Failed) -> str:
    text = Redactor().excerpt(failed.text)
    return f" It said: {text}" if text else ""
