"""Records of a stream -> numbered raw objects, from which stream and batch make the same tables."""
