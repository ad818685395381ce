"""People and groups from a CSV file, on this machine or behind an https URL."""
