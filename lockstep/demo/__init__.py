"""The demonstration: a real directory, real locks, and the whole program on one machine, in a folder of its own."""
