"""Benchmarks: ratios against reference runs beside them. `make bench` prints a table and writes latest.json."""
