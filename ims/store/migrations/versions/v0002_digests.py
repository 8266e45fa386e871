"""What each entry looked like when it was last read, so that an unchanged one is passed over."""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables of version 0001 to 0002."""
