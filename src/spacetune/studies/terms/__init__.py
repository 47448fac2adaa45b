"""Which terms of the network a state and a prediction are made of."""
