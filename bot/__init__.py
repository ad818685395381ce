"""The doors of dirsync: Slack, the command line, HTTP and the demo workspace."""
