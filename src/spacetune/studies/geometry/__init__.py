"""Measure how states fill their spaces: layers, encoders, classes."""
