"""Alembic migrations of the journal database. They run on open; a new one also sets `schema.SCHEMA_VERSION`."""
