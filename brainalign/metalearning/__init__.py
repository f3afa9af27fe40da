"""Learning to learn: an outer level that trains a credit network by how well other networks learn with it."""
