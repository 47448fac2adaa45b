"""Long runs of damaged input, by hand: ``python -m tests.fuzz.reader 5000``."""
