"""The MLLP edge: listening ports, their connections, and the way from a frame to a playground and back."""
