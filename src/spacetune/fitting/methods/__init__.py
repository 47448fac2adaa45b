"""The ways to learn: a probe, spaces, a simplex inside the encoder."""

from spacetune.fitting.methods.inside import InsideMethod
from spacetune.fitting.methods.method import MANY, Method, Reading, Run
from spacetune.fitting.methods.probe import ProbeMethod
from spacetune.fitting.methods.space import SpaceMethod, space_method

__all__ = ["MANY", "InsideMethod", "Method", "ProbeMethod", "Reading", "Run", "SpaceMethod", "space_method"]
