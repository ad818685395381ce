"""People and groups of a Google Workspace customer, over the Admin SDK Directory API."""
