"""People and groups from an Okta org, over its management API."""
