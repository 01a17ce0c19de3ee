"""How good a search is, measured on questions whose evidence is known."""
