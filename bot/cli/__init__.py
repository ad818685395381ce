"""The `dirsync` command: each verb asks the same services as Slack does."""
