"""A package, so that its modules may be called as the modules they test."""
