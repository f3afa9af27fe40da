"""What the ``brainalign`` command does, verb by verb: thin layers over functions of the package."""
