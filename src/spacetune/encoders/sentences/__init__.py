"""One vector a text, as an encoder's folder says."""
