"""People and groups from Microsoft Entra ID, read through Microsoft Graph v1.0."""
