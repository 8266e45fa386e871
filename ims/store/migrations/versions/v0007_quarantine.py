"""Who rejected what waits in quarantine, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Bring the tables of version 0006 to 0007."""
    op.add_column("quarantine", sa.Column("rejected", sa.BigInteger(), nullable=True))
    op.add_column("quarantine", sa.Column("rejected_by", _TEXT, nullable=False, server_default=sa.text("''")))
