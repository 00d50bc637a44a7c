"""Recorded solutions, varied: what an agent that errs once, or everywhere, would have sent."""
