"""Figures of a study, one file each."""
