"""One task a file, with the base class, placement and motion primitives that they share."""
