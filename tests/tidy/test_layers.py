"""Who may import whom: the layers, and the one place where each foreign library ends."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from tests.support.repository import PARTS, ROOT, declared, dotted, imported, modules, normal, project, read

FOREIGN = {
    "alembic": ("ims/store/",),
    "annotated_types": ("config/",),
    "apscheduler": ("agent/schedule.py",),
    "babel": ("portal/languages.py",),
    "click": ("lockstep/",),
    "flask": ("scim/", "portal/", "lockstep/"),
    "granian": ("lockstep/",),
    "ldap3": ("agent/directories/",),
    "msgspec": ("ims/store/codec.py",),
    "prometheus_client": ("lockstep/",),
    "pyasn1": ("agent/directories/",),
    "pydantic": ("config/",),
    "pydantic_core": ("config/",),
    "pydantic_settings": ("config/",),
    "rich": ("lockstep/",),
    "scim2_filter_parser": ("scim/filters.py",),
    "sly": ("scim/filters.py",),
    "sqlalchemy": ("ims/store/",),
    "structlog": ("lockstep/", "agent/", "scim/", "portal/"),
    "werkzeug": ("scim/", "portal/", "lockstep/"),
}
"""Every foreign library that the program imports, and where: a change of library stays a change of that place."""

IN_BENCH = {"ldap3": ("bench/tasks/ldap3_tuned.py",), "tests": ("bench/freshness.py",)}
"""What else a benchmark may import: ldap3 as a peer where it is measured, the tests' servers where all vendors are."""

INDIRECT = {
    "annotated_types": "pydantic-settings",
    "pyasn1": "ldap3",
    "pydantic": "pydantic-settings",
    "pydantic_core": "pydantic-settings",
    "sly": "scim2-filter-parser",
    "werkzeug": "flask",
}
"""Libraries that come with another one, which is the one we declare."""


def test_import_linter_keeps_its_contracts() -> None:
    """The layers and the purity of the rules of ims."""
    linted = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_every_part_has_its_layer() -> None:
    """A new top-level folder with code in it must be placed before it can be used."""
    linter = project()["tool"]["importlinter"]
    layers = {name.strip() for layer in linter["contracts"][0]["layers"] for name in layer.split("|")}
    found = {path.parent.name for path in ROOT.glob("*/*.py")} - {"tests", "bench"}
    assert found == layers == set(linter["root_packages"]) == set(PARTS)


def test_every_rule_of_ims_is_under_the_contract_of_purity() -> None:
    """All modules right inside ims/ are rules; what touches the outer world lives in ims/store/."""
    pure = next(c for c in project()["tool"]["importlinter"]["contracts"] if "forbidden_modules" in c)
    rules = {dotted(path) for path in modules("ims") if len(path.parts) == 2 and path.name != "__init__.py"}
    assert set(pure["source_modules"]) == rules


@pytest.mark.parametrize("library", sorted(FOREIGN))
def test_foreign_library_ends_at_one_place(library: str) -> None:
    """Whoever else wants what it does asks the module that owns it."""
    users = [str(path) for path in modules(*PARTS) if _imports(path, library)]
    assert [user for user in users if not user.startswith(FOREIGN[library])] == []


def test_every_foreign_import_has_its_place_and_is_declared() -> None:
    """Nothing is used because something else happened to install it."""
    used = {name.partition(".")[0] for path in modules(*PARTS) for name in imported(path)}
    foreign = used - set(PARTS) - set(sys.stdlib_module_names) - {"_typeshed"}  # which exists for type checkers only
    assert foreign - set(FOREIGN) == set()
    assert {INDIRECT.get(name, normal(name)) for name in foreign} - declared() == set()


def test_benchmarks_use_foreign_libraries_as_peers_only() -> None:
    """Whatever else they need they ask of the parts, as the program does."""
    used = {
        (name.partition(".")[0], str(path))
        for path in modules("bench")
        for name in imported(path)
        if name.partition(".")[0] not in {*PARTS, "bench", *sys.stdlib_module_names}
    }
    assert used == {(library, place) for library, places in IN_BENCH.items() for place in places}


def test_no_part_knows_the_benchmarks() -> None:
    """They are not installed."""
    assert [str(path) for path in modules(*PARTS) if _imports(path, "bench")] == []


def test_no_declared_dependency_is_idle() -> None:
    """What nobody imports or starts is a risk without a use."""
    code = "\n".join(read(path) for path in modules(*PARTS))
    assert {name for name in declared() if name.replace("-", "_") not in code} == set()


def test_no_installed_package_takes_one_of_our_names() -> None:
    """Names like `config`, `agent` and `tests` are popular: a second owner would silently win or lose."""
    ours = {*PARTS, "portal", "tests"}
    clashes = {
        f"{distribution.name}: {file.parts[0]}"
        for distribution in metadata.distributions()
        for file in distribution.files or ()
        if file.parts[0].removesuffix(".py") in ours and normal(distribution.name) != project()["project"]["name"]
    }
    assert clashes == set()


def _imports(path: Path, library: str) -> bool:
    return any(name == library or name.startswith(f"{library}.") for name in imported(path))
