"""How tentacles travel between people and bots: packages are read, made and fetched here, never run."""
