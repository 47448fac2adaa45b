"""Fit a model, choose a method, score it beside the baselines."""
