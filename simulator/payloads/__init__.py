"""Payloads of attackers, a module an attack class, a function a tool or technique. `aim.py` places them, `wire.py` encodes
them. Written from documentation of tools and attacks, not from any detector.
"""
