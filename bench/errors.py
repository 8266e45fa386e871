"""What stops a benchmark."""


class BenchProblem(Exception):
    """A figure cannot be taken, or would be wrong; the text says why and what to do."""
