"""What a problem says: one record for each code."""

Text = tuple[int, str, str, str, str]
"""Status, Chinese and English title, Chinese and English advice (what to do, not what broke)."""

Reason = tuple[str, str]
"""What is wrong with a value, Chinese and English."""
