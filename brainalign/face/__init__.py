"""What a notebook needs: the verbs of ``import brainalign as ba``, thin over the rooms above."""
