"""Tables to figures and one page."""
