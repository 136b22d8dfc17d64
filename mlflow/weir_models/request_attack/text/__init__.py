"""From a field of a request to the texts that signals read: decoding, units and their views, SQL token types."""
