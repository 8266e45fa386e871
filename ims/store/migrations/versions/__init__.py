"""One module per change of the tables, in the order that each says of itself."""
