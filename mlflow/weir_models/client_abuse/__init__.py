"""The client model: whether a client abuses the site, and how."""
