"""Scores, ceilings, draws, variances, contrasts and gates of fixed inputs, from before the brain side changed."""
