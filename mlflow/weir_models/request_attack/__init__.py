"""The request model: whether a request is an attack, of which class, and by which words."""
