"""Passes with their factors held, so that a prediction can be carried back to the words of the input."""

from spacetune.encoders.passes.held.held_pass import HeldPass, InputParts, carried_back
from spacetune.encoders.passes.held.packed_held import PackedHeld
from spacetune.encoders.passes.held.stream_held import StreamHeld

__all__ = ["HeldPass", "InputParts", "PackedHeld", "StreamHeld", "carried_back"]
