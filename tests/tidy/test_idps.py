"""The pages of identity providers: one for each conversation that is replayed, with what its reader needs."""

from tests.support.repository import ROOT

PAGES = ROOT / "docs" / "idps"
PARTS = ("## Setup", "## Mapping", "## What to know", "## When a user is locked")


def test_every_conversation_has_its_page_and_every_page_its_conversation() -> None:
    played = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "scim" / "idps").glob("test_*.py")}
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} == played
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    for name in played:
        page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
        assert [part for part in PARTS if part not in page] == [], name
        assert f"tests/scim/idps/test_{name}.py" in page
        assert f"({name}.md)" in index
