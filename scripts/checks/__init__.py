"""One file per rule about the tree; each has `problems()`: one line per finding, empty when all is well."""
