"""What may make a result of recordings wrong, found before anything is compared: one line each, with its remedy."""
