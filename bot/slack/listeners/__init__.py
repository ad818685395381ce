"""What the Slack app listens to: commands, buttons, menus and the Home tab."""
