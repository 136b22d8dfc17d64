"""Manual actions: allow, block, withdraw, roll back, resume, override."""
