"""Figures of maps of a brain, one a file."""
