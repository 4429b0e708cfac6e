"""What tentacles implement, what they are given, and what outsiders may ask of a bot. Protocols only, no behaviour."""
