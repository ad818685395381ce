"""The provider part of a configuration file for an LDAP directory."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ruamel.yaml.nodes import Node

from core.model.configuration import LdapSettings
from core.services.configuration_values import secret
from core.services.yaml_nodes import (
    Faults,
    Table,
    WrongHereError,
    boolean,
    one_of,
    table,
    text,
    whole_number,
)
from core.settings import is_loopback

SASL = ("DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512")
_KEYS = (
    "type",
    "url",
    "base",
    "groups_base",
    "user",
    "password",
    "sasl",
    "certificate",
    "key",
    "ca",
    "start_tls",
    "people_filter",
    "groups_filter",
    "member_of",
    "user_name",
    "id",
    "page_size",
    "groups",
    "skip_referrals",
)
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*(;[A-Za-z0-9-]+)*")


def read_ldap(node: Node, faults: Faults) -> LdapSettings:
    """Return the settings of an LDAP directory; what is wrong is noted."""
    rows = table(node, "provider", _KEYS, faults)
    _one_way_to_sign_in(rows)
    settings = LdapSettings(
        url=rows.need("url", _url, "ldaps://unknown.invalid"),
        base=rows.need("base", _dn, "dc=unknown"),
        groups_base=rows.read("groups_base", _dn, None),
        user=rows.read("user", text, None),
        password=rows.read("password", secret, None),
        sasl=rows.read("sasl", one_of(*SASL), None),
        certificate=rows.read("certificate", _file, None),
        key=rows.read("key", _file, None),
        ca=rows.read("ca", _file, None),
        start_tls=rows.read("start_tls", boolean, True),
        people_filter=rows.read("people_filter", _filter, None),
        groups_filter=rows.read("groups_filter", _filter, None),
        member_of=rows.read("member_of", _dn, None),
        user_name=rows.read("user_name", _attribute, None),
        id=rows.read("id", _attribute, None),
        page_size=rows.read("page_size", whole_number(1, 10_000), 1000),
        groups=rows.read("groups", boolean, True),
        skip_referrals=rows.read("skip_referrals", boolean, False),
    )
    _encrypted_or_here(rows, settings)
    return settings


def _one_way_to_sign_in(rows: Table) -> None:
    ways = (("user", "password"), ("certificate", "key"))
    begun = [way for way in ways if any(key in rows.nodes for key in way)]
    whole = [way for way in begun if all(key in rows.nodes for key in way)]
    if len(begun) != 1 or begun != whole:
        rows.faults.add(
            rows.node,
            "provider: expected exactly one way to sign in: user and password; or certificate "
            "and key.",
        )
    elif "sasl" in rows.nodes and "user" not in rows.nodes:
        rows.faults.add(rows.nodes["sasl"], "provider: sasl belongs to user and password.")


def _encrypted_or_here(rows: Table, settings: LdapSettings) -> None:
    parts = urlsplit(settings.url)
    plain = parts.scheme == "ldap" and not settings.start_tls
    if plain and not is_loopback(parts.hostname or ""):
        rows.faults.add(
            rows.nodes["start_tls"],
            "start_tls: can be off for loopback only; elsewhere everybody could read the password.",
        )


def _url(node: Node) -> str:
    value = text(node)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise WrongHereError("expected a URL.") from None
    if parts.scheme not in {"ldaps", "ldap"} or not parts.hostname or port == 0:
        raise WrongHereError("expected a URL such as ldaps://dc1.example.com.")
    if parts.username is not None or parts.password is not None:
        raise WrongHereError("expected a URL without a user name or password in it.")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise WrongHereError("expected a host only; the DN belongs under base.")
    return value


def _dn(node: Node) -> str:
    value = text(node)
    if not re.match(r"[A-Za-z0-9.-]+ *=", value):
        raise WrongHereError("expected a DN such as ou=people,dc=example,dc=com.")
    return value


def _filter(node: Node) -> str:
    value = text(node).strip()
    depth, ends = 0, []
    for position, char in enumerate(value):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth == 0:
            ends.append(position)
    if not value.startswith("(") or ends[:1] != [len(value) - 1]:
        raise WrongHereError("expected one whole filter such as (objectClass=person).")
    return value


def _attribute(node: Node) -> str:
    value = text(node)
    if not _ATTRIBUTE.fullmatch(value):
        raise WrongHereError("expected the name of an LDAP attribute, such as employeeNumber.")
    return value


def _file(node: Node) -> str:
    value = secret(node)
    if not value.startswith("file:"):
        raise WrongHereError("expected file:… (a path inside the credentials folder).")
    return value
