"""Measured plausibility: the instrument, one file per probe, and the scorecard."""
