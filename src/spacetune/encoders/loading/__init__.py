"""An encoder found, checked, and read into memory."""
