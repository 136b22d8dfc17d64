"""Early decisions: what a stream shows of an address before its hour is over."""
