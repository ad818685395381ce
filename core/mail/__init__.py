"""How mail leaves: SMTP, or a folder of .eml files."""
