"""Dissimilarities of two patterns, one file each; networks and brains use the same."""
