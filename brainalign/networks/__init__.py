"""Networks as chains of blocks: one file per architecture."""
