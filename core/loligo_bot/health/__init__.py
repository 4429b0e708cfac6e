"""Health of tentacles: who fails too often is sent into quarantine, and what a person should repair is said."""
