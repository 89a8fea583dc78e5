"""A pretend upper platform: whoever wants to try a cascade plays the other side with it."""
