"""Training populations of seeds: data, step, optimiser, checkpoints, loop."""
