"""Settings: what an administrator writes down, its types, and one report of everything that is wrong with it."""
