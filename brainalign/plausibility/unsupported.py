"""The answer of a probe that cannot tell."""


class Unsupported(Exception):
    """Why a probe cannot tell."""
