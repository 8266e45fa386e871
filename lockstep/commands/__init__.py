"""The command line: one file per group of verbs, all of them listed in `lockstep/__main__.py`."""
