"""People and groups from a SCIM 2.0 server (RFC 7643, RFC 7644, RFC 9865)."""
