"""How requests are written, benign and attack: one function a family, a generator of random numbers in, a value or request out."""
