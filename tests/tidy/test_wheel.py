"""The wheel is whole: one name, every file, and it runs where the repository is not."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from lockstep import __version__
from tests.support.repository import PARTS, ROOT, files, project

IMPORT_EVERYTHING = """
import importlib, pathlib, lockstep
app = pathlib.Path(lockstep.__file__).parent / "app"
names = [".".join(path.relative_to(app).with_suffix("").parts) for path in app.rglob("*.py")]
for name in names:
    if not name.startswith("ims.store.migrations.") and not name.endswith("__init__"):
        assert importlib.import_module(name).__file__.startswith(str(app)), name
print(len(names))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with what is installed: no network, no isolation."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a fresh environment that sees our dependencies; return its folder of programs."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    _run(*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel), cwd=folder)
    packages = _run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    Path(packages, "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / "bin"


def test_the_wheel_adds_a_single_name(wheel: Path) -> None:
    """Anything else in site-packages would sooner or later be somebody else's too."""
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"lockstep", f"lockstep_idm-{__version__}.dist-info"}


def test_the_wheel_has_every_file_of_the_parts(wheel: Path) -> None:
    """Code, migrations, the example of settings, the marker for type checkers."""
    ours = [path for path in files() if path.parts[0] in PARTS]
    expected = {str(path if path.parts[0] == "lockstep" else Path("lockstep/app", path)) for path in ours}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("lockstep/")}
    assert packed == expected
    assert "lockstep/app/config/lockstep.example.toml" in packed
    assert any(name.startswith("lockstep/app/ims/store/migrations/versions/") for name in packed)


def test_the_wheel_carries_the_licence(wheel: Path) -> None:
    """Whoever passes it on passes that on."""
    assert any(name.endswith("licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_the_installed_program_answers(installed: Path, tmp_path: Path) -> None:
    """From a folder that knows nothing of the repository."""
    assert __version__ in _run(str(installed / "lockstep"), "--version", cwd=tmp_path)
    assert "explain" in _run(str(installed / "lockstep"), "--help", cwd=tmp_path)
    assert __version__ in _run(str(installed / "python"), "-m", "lockstep", "--version", cwd=tmp_path)


def test_every_module_is_found_inside_the_installation(installed: Path, tmp_path: Path) -> None:
    """By the same names as in the repository."""
    assert int(_run(str(installed / "python"), "-c", IMPORT_EVERYTHING, cwd=tmp_path)) > len(PARTS)


def test_the_package_names_the_program() -> None:
    """The command that documents speak of."""
    assert project()["project"]["scripts"] == {"lockstep": "lockstep.__main__:main"}


def _run(*command: str, cwd: Path) -> str:
    """Run a command in an empty environment and return what it prints."""
    ran = subprocess.run(command, cwd=cwd, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
