"""Changes of one line to `src`, and how many of them the tests notice: `make mutants`, `python -m benchmarks.mutation`.

`record` runs the suite once and notes which test reads which line; `sample` draws changes and runs the tests that
read them; `known` makes the changes that once went unnoticed, each of which must fail its own test.
"""
