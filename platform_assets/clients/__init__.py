"""Clients of AWS, databases, the engine, the model registry, and of who is notified; no decision is made here."""
