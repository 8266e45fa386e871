"""Loading the settings: one TOML file, then the variables, which count more; all mistakes in one report."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.mistakes import KeyPath, Mistake, SettingsError
from config.references import dangling
from config.refusals import refusals
from config.settings import Settings
from config.sources import CONFIG_VARIABLE, Tree, resolve, tree_of_text, tree_of_variables

NO_FILE = f"no settings file (--config or {CONFIG_VARIABLE} names one)"


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the file at `path`, of LOCKSTEP_CONFIG's file where that is None, and of the variables.

    Raises SettingsError, whose text reports every mistake there is.
    """
    chosen = path or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if chosen is None:
        return load_text("", environ, place=NO_FILE, folder=Path.cwd())
    return load_text(_text_of(chosen), environ, place=str(chosen), folder=chosen.absolute().parent)


def load_text(text: str, environ: Mapping[str, str], *, place: str, folder: Path) -> Settings:
    """Return the settings that a TOML text and the variables make.

    `place` is what mistakes in the text are reported under. Relative paths in the text start at `folder`, those in
    variables at the working directory. Raises SettingsError, whose text reports every mistake there is.
    """
    file, variables = tree_of_text(text, place), tree_of_variables(environ)
    if file.mistakes:
        raise SettingsError((*file.mistakes, *variables.mistakes))
    resolve(file, folder, environ)
    resolve(variables, Path.cwd(), environ)
    values = _merged(file.values, variables.values)
    settings, refused = _typed(values)
    mistakes = [
        *file.mistakes,
        *variables.mistakes,
        *(_mistake(path, text, file, variables) for path, text in refused),
        *(_mistake(found.path, found.text, file, variables) for found in dangling(values)),
    ]
    if mistakes or settings is None:
        raise SettingsError(mistakes)
    return settings


def _typed(values: dict[str, Any]) -> tuple[Settings | None, list[tuple[KeyPath, str]]]:
    try:
        return Settings(**values), []
    except ValidationError as error:
        return None, list(refusals(error))


def _mistake(path: KeyPath, text: str, file: Tree, variables: Tree) -> Mistake:
    """Return a mistake under the variable that set the key, else under whichever holds more of the way to it."""
    is_set = path in variables.variables
    return (variables if is_set or variables.reach(path) > file.reach(path) else file).mistake(path, text)


def _merged(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    """Return both trees in one; where both have a value, the upper one's counts."""
    merged = dict(lower)
    for name, value in upper.items():
        own = merged.get(name)
        merged[name] = _merged(own, value) if isinstance(own, dict) and isinstance(value, dict) else value
    return merged


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 text (at byte {error.start})"
    raise SettingsError([Mistake(key="", place=str(path), text=problem)])
