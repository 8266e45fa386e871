"""What the brake keeps back, until a person decides."""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables of version 0002 to 0003."""
