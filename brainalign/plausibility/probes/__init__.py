"""The probes, one a file; each is a criterion as an experiment on a running rule."""
