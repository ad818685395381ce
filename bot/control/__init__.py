"""Typed requests of the command line: carried out here, or by the process that has the database."""
