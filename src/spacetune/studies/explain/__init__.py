"""What explanations are used for: held to the model itself, turned into other answers, summed up over a data set."""
