"""Which version of a model serves whom: one append-only table of transitions, and what follows from it."""
