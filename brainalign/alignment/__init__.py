"""Every layer of every network against every recording."""
