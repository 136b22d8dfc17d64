"""One folder a domain: what it decides, plans and changes. No domain imports another."""
