"""Mending what drifted and clearing what is over, so that nobody has to. Every pass may run twice, or be cut off."""
