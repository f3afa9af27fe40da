"""What networks learn from and are shown."""
