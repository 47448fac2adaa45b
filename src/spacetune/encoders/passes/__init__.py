"""The ways in which texts go through an encoder: packed, padded, with gradients, and traced."""
