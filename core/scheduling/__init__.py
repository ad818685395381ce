"""What runs by itself: the clock, the worker and the outbox."""
