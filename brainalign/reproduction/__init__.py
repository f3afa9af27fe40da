"""Presets, how they are found, and published tables trained again."""
