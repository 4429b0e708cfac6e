"""The one door to a running bot: its catalogue of verbs, who may use them, and what happens when they are used."""
