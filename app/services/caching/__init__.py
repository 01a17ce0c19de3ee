"""What was worked out once and is given again, each around the thing itself and with its interface (docs/adr/0028)."""
