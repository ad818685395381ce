"""The use cases, which every door calls."""
