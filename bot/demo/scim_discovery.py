"""What the demo's provider says about itself (RFC 7643 §5 to §8, RFC 7644 §4, RFC 9865 §4)."""

from __future__ import annotations

from typing import Any

from bot.demo.scim_filter import ENTERPRISE
from bot.demo.scim_records import GROUP, USER

Resource = dict[str, Any]

_CORE = "urn:ietf:params:scim:schemas:core:2.0:"


def service_provider_config(base: str, *, page_limit: int, pagination: str) -> Resource:
    """The ServiceProviderConfig: read only, filters, both ways of paging, a bearer token."""
    return {
        "schemas": [f"{_CORE}ServiceProviderConfig"],
        "patch": {"supported": False},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": page_limit},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": pagination,
            "defaultPageSize": page_limit,
            "maxPageSize": page_limit,
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A fixed token in the Authorization header.",
                "primary": True,
            }
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": f"{base}/ServiceProviderConfig",
        },
    }


def resource_types(base: str) -> dict[str, Resource]:
    """The resource types by name."""
    user = _resource_type(base, "User", "A person of the company.", USER)
    user["schemaExtensions"] = [{"schema": ENTERPRISE, "required": False}]
    return {"User": user, "Group": _resource_type(base, "Group", "People and groups.", GROUP)}


def _resource_type(base: str, name: str, description: str, schema: str) -> Resource:
    return {
        "schemas": [f"{_CORE}ResourceType"],
        "id": name,
        "name": name,
        "description": description,
        "endpoint": f"/{name}s",
        "schema": schema,
        "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{name}"},
    }


def schemas(base: str) -> dict[str, Resource]:
    """The schemas by URN: what the resources of this provider can contain."""
    return {
        USER: _schema(base, USER, "User", "A person who can sign in.", _user_attributes()),
        ENTERPRISE: _schema(
            base, ENTERPRISE, "EnterpriseUser", "What a company adds.", _enterprise_attributes()
        ),
        GROUP: _schema(base, GROUP, "Group", "People and groups.", _group_attributes()),
    }


def _schema(
    base: str, urn: str, name: str, description: str, attributes: list[Resource]
) -> Resource:
    return {
        "schemas": [f"{_CORE}Schema"],
        "id": urn,
        "name": name,
        "description": description,
        "attributes": attributes,
        "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{urn}"},
    }


def _attribute(name: str, description: str, **traits: Any) -> Resource:
    """An attribute with this provider's usual traits; ``traits`` says what differs."""
    plain = {
        "name": name,
        "type": "string",
        "multiValued": False,
        "description": description,
        "required": False,
        "mutability": "readOnly",
        "returned": "default",
    }
    if traits.get("type", "string") == "string":
        plain |= {"caseExact": False, "uniqueness": "none"}
    return {**plain, **traits}


def _user_attributes() -> list[Resource]:
    names = [
        _attribute("formatted", "The whole name."),
        _attribute("familyName", "The family name."),
        _attribute("givenName", "The given name."),
    ]
    return [
        _attribute(
            "userName", "What the person signs in with.", required=True, uniqueness="server"
        ),
        _attribute("name", "The parts of the name.", type="complex", subAttributes=names),
        _attribute("displayName", "The name as it is shown."),
        _attribute("title", "What the person does."),
        _attribute("locale", "Language and region."),
        _attribute("timezone", "The time zone's name."),
        _attribute("active", "Whether the person may sign in.", type="boolean"),
        _contact("emails", "The e-mail addresses.", primary=True),
        _contact("phoneNumbers", "The telephone numbers.", primary=False),
    ]


def _contact(name: str, description: str, *, primary: bool) -> Resource:
    parts = [
        _attribute("value", "The address or number."),
        _attribute("type", "What it is for.", canonicalValues=["work"]),
    ]
    if primary:
        parts.append(_attribute("primary", "Whether it is the main one.", type="boolean"))
    return _attribute(name, description, type="complex", multiValued=True, subAttributes=parts)


def _enterprise_attributes() -> list[Resource]:
    manager = [
        _attribute("value", "The id of the manager.", caseExact=True),
        _reference("Where the manager is found.", "User"),
    ]
    return [
        _attribute("employeeNumber", "The number on the contract."),
        _attribute("costCenter", "Who pays."),
        _attribute("department", "The department."),
        _attribute("manager", "Whom the person reports to.", type="complex", subAttributes=manager),
    ]


def _group_attributes() -> list[Resource]:
    member = [
        _attribute("value", "The id of the member.", caseExact=True),
        _reference("Where the member is found.", "User", "Group"),
        _attribute("display", "The name of the member."),
        _attribute("type", "What the member is.", canonicalValues=["User", "Group"]),
    ]
    return [
        _attribute("displayName", "The name of the group.", required=True),
        _attribute(
            "members", "Who belongs to it.", type="complex", multiValued=True, subAttributes=member
        ),
    ]


def _reference(description: str, *kinds: str) -> Resource:
    return _attribute(
        "$ref",
        description,
        type="reference",
        referenceTypes=list(kinds),
        caseExact=True,
        uniqueness="none",
    )
