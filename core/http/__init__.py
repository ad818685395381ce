"""The one way out: outbound HTTP with origin pinning, size caps and redaction."""
