"""The vocabulary of dirsync as frozen data: standard library only, no I/O."""
