"""How teaching signals travel: errors, targets, feedback weights; what several learning rules share."""
