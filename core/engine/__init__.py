"""The decisions of a cycle: scope, map, match, prove, plan, guard, apply; no I/O of its own."""
