"""What a simplex is worth: calibration, error detection, other domains, flatness, beside the plain thing."""
