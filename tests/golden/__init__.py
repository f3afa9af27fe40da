"""Scores, ceilings, draws, variances, contrasts and gates of fixed inputs, as they were before the brain side changed."""
