"""What attackers put into requests, a module a class, a function a tool or manner. `aim.py` says where it goes,
`wire.py` how it is encoded on the way. Written from how tools and people compose payloads, not from any detector.
"""
