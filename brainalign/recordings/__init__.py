"""Brain recordings, one file per source."""
