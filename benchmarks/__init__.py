"""Measurements: each module writes JSON to `benchmarks/results/` with the machine and versions it came from."""
