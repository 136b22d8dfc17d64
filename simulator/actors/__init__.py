"""One module a kind of actor; each lists its `FAMILIES`. `families.py` finds the modules by itself."""
