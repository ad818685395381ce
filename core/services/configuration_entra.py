"""The Microsoft Entra ID part of a configuration file."""

from __future__ import annotations

from ruamel.yaml.nodes import Node

from core.model.configuration import EntraSettings
from core.services.configuration_values import secret, url
from core.services.yaml_nodes import Faults, boolean, one_of, table, text, whole_number

_KEYS = (
    "type",
    "tenant",
    "client_id",
    "client_secret",
    "certificate",
    "cloud",
    "url",
    "login_url",
    "page_size",
    "groups",
)
_CLOUDS = ("global", "us-government", "us-dod", "china")


def read_entra(node: Node, faults: Faults) -> EntraSettings:
    """Return the settings; what is wrong with them is added to the faults."""
    rows = table(node, "provider", _KEYS, faults)
    if ("client_secret" in rows.nodes) == ("certificate" in rows.nodes):
        rows.faults.add(rows.node, "provider: expected either client_secret or certificate.")
    return EntraSettings(
        tenant=rows.need("tenant", text, "unknown"),
        client_id=rows.need("client_id", text, "unknown"),
        client_secret=rows.read("client_secret", secret, None),
        certificate=rows.read("certificate", secret, None),
        cloud=rows.read("cloud", one_of(*_CLOUDS), "global"),
        url=rows.read("url", url, None),
        login_url=rows.read("login_url", url, None),
        page_size=rows.read("page_size", whole_number(1, 999), 999),
        groups=rows.read("groups", boolean, True),
    )
