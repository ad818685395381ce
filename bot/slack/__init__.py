"""The Slack door: listeners, views and the notifier over one Bolt app."""
