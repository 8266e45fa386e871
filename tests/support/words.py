"""The nouns that names of ours avoid; docs/glossary.md says so to people."""

NOUNS = {
    "backend": "directory or store",
    "driver": "dialect",
    "plugin": "dialect",
    "org": "tenant",
    "customer": "tenant",
    "principal": "actor",
    "cycle": "pass, tick or reconcile",
    "threshold": "brake",
}
"""Words that our own names avoid, and the word of docs/glossary.md to use instead."""
