"""The scaling model: the load in 30 minutes and the number of nodes that it needs."""
