"""The account and its history in SQLite or PostgreSQL."""
