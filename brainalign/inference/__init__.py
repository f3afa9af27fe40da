"""What the scores support: bootstrap, contrasts, ranks, gates."""
