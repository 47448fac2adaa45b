"""The data work around a classifier: wrong labels, near duplicates, drift, what to label next."""
