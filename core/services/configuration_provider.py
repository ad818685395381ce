"""The provider part of a configuration file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from core.model.configuration import CsvSettings, OktaSettings, ProviderSettings, ScimSettings
from core.services.configuration_entra import read_entra
from core.services.configuration_google import read_google
from core.services.configuration_ldap import read_ldap
from core.services.configuration_values import secret, url
from core.services.yaml_nodes import (
    Faults,
    Table,
    WrongHereError,
    boolean,
    entries,
    one_of,
    table,
    text,
    whole_number,
)

_PROVIDERS = ("scim", "csv", "entra", "google", "okta", "ldap")
_SCIM_KEYS = (
    "type",
    "url",
    "token",
    "username",
    "password",
    "token_url",
    "client_id",
    "client_secret",
    "oauth_scope",
    "page_size",
    "groups",
    "delta",
)
_CSV_KEYS = ("type", "file", "url", "token", "columns", "delta")
_OKTA_KEYS = (
    "type",
    "url",
    "client_id",
    "private_key",
    "key_id",
    "token",
    "page_size",
    "groups",
)


def read_provider(node: Node, faults: Faults) -> ProviderSettings:
    """Return the provider's settings. Raises `WrongHereError` if nothing can be made of them."""
    kind = _kind(node)
    if kind == "scim":
        return _scim(table(node, "provider", _SCIM_KEYS, faults))
    if kind == "entra":
        return read_entra(node, faults)
    if kind == "google":
        return read_google(node, faults)
    if kind == "okta":
        return _okta(table(node, "provider", _OKTA_KEYS, faults))
    if kind == "ldap":
        return read_ldap(node, faults)
    return _csv(table(node, "provider", _CSV_KEYS, faults))


def _kind(node: Node) -> str:
    if not isinstance(node, MappingNode):
        raise WrongHereError("expected keys such as type and url.")
    for key, value in node.value:
        if isinstance(key, ScalarNode) and key.value == "type":
            return one_of(*_PROVIDERS)(value)
    raise WrongHereError(f"needs the key type: {', '.join(_PROVIDERS)}.")


def _scim(rows: Table) -> ScimSettings:
    _one_way_to_sign_in(rows)
    return ScimSettings(
        url=rows.need("url", url, "https://unknown.invalid"),
        token=rows.read("token", secret, None),
        username=rows.read("username", text, None),
        password=rows.read("password", secret, None),
        token_url=rows.read("token_url", url, None),
        client_id=rows.read("client_id", text, None),
        client_secret=rows.read("client_secret", secret, None),
        oauth_scope=rows.read("oauth_scope", text, None),
        page_size=rows.read("page_size", whole_number(1, 10_000), 1000),
        groups=rows.read("groups", boolean, True),
        delta=rows.read("delta", boolean, True),
    )


def _one_way_to_sign_in(rows: Table) -> None:
    ways = (("token",), ("username", "password"), ("token_url", "client_id", "client_secret"))
    begun = [way for way in ways if any(key in rows.nodes for key in way)]
    whole = [way for way in begun if all(key in rows.nodes for key in way)]
    if len(begun) != 1 or begun != whole:
        rows.faults.add(
            rows.node,
            "provider: expected exactly one way to sign in: token; or username and password; or "
            "token_url, client_id and client_secret.",
        )
    elif "oauth_scope" in rows.nodes and "token_url" not in rows.nodes:
        rows.faults.add(rows.nodes["oauth_scope"], "provider: oauth_scope belongs to token_url.")


def _csv(rows: Table) -> CsvSettings:
    if ("file" in rows.nodes) == ("url" in rows.nodes):
        rows.faults.add(rows.node, "provider: expected either file or url.")
    if "token" in rows.nodes and "url" not in rows.nodes:
        rows.faults.add(rows.nodes["token"], "provider: token belongs to url.")
    return CsvSettings(
        file=rows.read("file", _file, None),
        url=rows.read("url", url, None),
        token=rows.read("token", secret, None),
        columns=rows.read("columns", _columns, {}),
        delta=rows.read("delta", boolean, True),
    )


def _okta(rows: Table) -> OktaSettings:
    app = [key for key in ("client_id", "private_key") if key in rows.nodes]
    if ("token" in rows.nodes) == bool(app) or len(app) == 1:
        rows.faults.add(
            rows.node,
            "provider: expected exactly one way to sign in: client_id and private_key; or token.",
        )
    elif "key_id" in rows.nodes and not app:
        rows.faults.add(rows.nodes["key_id"], "provider: key_id belongs to private_key.")
    return OktaSettings(
        url=rows.need("url", _org, "https://unknown.invalid"),
        client_id=rows.read("client_id", text, None),
        private_key=rows.read("private_key", secret, None),
        key_id=rows.read("key_id", text, None),
        token=rows.read("token", secret, None),
        page_size=rows.read("page_size", whole_number(1, 200), 200),
        groups=rows.read("groups", boolean, True),
    )


def _org(node: Node) -> str:
    value = url(node)
    parts = urlsplit(value)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise WrongHereError("expected the org's address and no more: https://acme.okta.com.")
    return value


def _file(node: Node) -> str:
    path = PurePosixPath(text(node))
    if path.is_absolute() or ".." in path.parts or "\\" in str(path):
        raise WrongHereError("expected a path inside the credentials folder, such as people.csv.")
    return str(path)


def _columns(node: Node) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key, value in entries(node):
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", str(key.value)):
            raise WrongHereError("expected account attributes, id or active as keys.")
        found[str(key.value)] = text(value)
    return found
