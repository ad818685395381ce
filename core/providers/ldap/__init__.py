"""People and groups of an LDAP directory, Active Directory included."""
