"""HL7 v2 over TCP, as real interfaces have it: frames, and what goes back on the connection."""
