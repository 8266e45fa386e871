"""The identity store: what a lock is, who may clear it, and the store that keeps it."""
