"""The directory-sync engine: no chat, no web server."""
