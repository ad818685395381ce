"""The identity providers' adapters, read side, independent of each other."""
