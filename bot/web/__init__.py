"""What is served over HTTP: health, metrics, invitations, and Slack's requests."""
