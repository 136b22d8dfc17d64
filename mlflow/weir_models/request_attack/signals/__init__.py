"""The signals of the model, a file a family; their evaluation and the pre-screen before it."""
