"""Scores of the sample as it is, of bootstrap samples of stimuli, and of the sample without each stimulus."""
