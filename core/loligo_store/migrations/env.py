"""Runs migrations on the connection, and in the transaction, that `loligo_store.migrate` hands over."""

from alembic import context

from loligo_store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
