"""Two thirds of the productions: their errors may be looked at."""
