"""A result drawn for people."""
