"""Streams: the process that lands a data stream and writes its open hours."""
