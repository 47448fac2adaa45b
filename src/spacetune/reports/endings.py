"""What a report can be written as."""

from __future__ import annotations

__all__ = ["ENDINGS"]

ENDINGS = (".html", ".md", ".png", ".pdf", ".json", ".csv", ".jsonl", ".parquet")
"""What `render` writes."""
