"""The scaling model: how much load there will be in 30 minutes, and how many nodes that takes."""
