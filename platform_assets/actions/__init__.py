"""The one protocol by which domains change things: plan, check, apply, verify, expire, undo."""
