"""Benchmarks against peers and limits: `make bench`, or `python -m bench --help`. See bench/README.md."""
