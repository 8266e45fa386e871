"""What Alembic runs to migrate: our open transaction, whatever Alembic is asked to do in it."""

from alembic import context

from ims.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
