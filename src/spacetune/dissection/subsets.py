"""The four terms' names, and every way to keep some of them."""

from __future__ import annotations

from itertools import combinations

from spacetune.errors import UsageError, did_you_mean

__all__ = ["TERMS", "check_terms", "subset_name", "term_subsets"]

TERMS = ("input", "attention", "feed_forward", "correction")
"""i, h, f and c of the paper, in its order."""


def term_subsets() -> list[tuple[str, ...]]:
    """Return the 15 non-empty subsets of the terms in the paper's order: singles, pairs, triples, all.

    >>> len(term_subsets()), term_subsets()[4]
    (15, ('input', 'attention'))
    """
    return [subset for size in range(1, 5) for subset in combinations(TERMS, size)]


def subset_name(subset: tuple[str, ...]) -> str:
    """Return the paper's short name of a subset.

    >>> subset_name(("attention", "correction")), subset_name(TERMS)
    ('H+C', 'all')
    """
    return "all" if len(subset) == len(TERMS) else "+".join("IHFC"[TERMS.index(term)] for term in subset)


def check_terms(terms: tuple[str, ...]) -> tuple[int, ...]:
    """Return the places of these terms, ascending and each once.

    Raises `UsageError` if one is unknown, or there is none.
    """
    unknown = [term for term in terms if term not in TERMS]
    if unknown or not terms:
        near = did_you_mean(str(unknown[0]), TERMS) if unknown else None
        hint = f"; did you mean {near!r}?" if near else ""
        raise UsageError(f"terms must be some of {', '.join(TERMS)}, got {unknown[0] if unknown else 'none'!r}{hint}")
    return tuple(sorted({TERMS.index(term) for term in terms}))
