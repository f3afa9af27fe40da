"""Maps of where in a brain models and patterns agree: RSA in a small patch around every place."""
