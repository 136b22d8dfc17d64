"""The client model: does this client abuse the site, and how."""
