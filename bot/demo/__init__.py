"""A company in a box: a local Slack workspace, its identity provider and a mailbox."""
