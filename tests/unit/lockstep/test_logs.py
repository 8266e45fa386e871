"""Logs: one shape for all lines, and no secret in any of them."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from config.settings import LogFormat, LogLevel
from ims.credentials import new_secret
from lockstep.logs import HIDDEN, configure
from tests.support.installation import Installation, logging_as_before


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    with logging_as_before():
        yield


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_our_events_and_those_of_libraries_have_one_shape(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, an object per line, with time and level."""
    configure(LogLevel.INFO, LogFormat.JSON)
    structlog.get_logger("lockstep.test").info("tick_done", directory="corp", read=3)
    logging.getLogger("granian").warning("worker %d died", 2)
    ours, theirs = lines(capsys)
    assert (ours["event"], ours["directory"], ours["read"], ours["level"]) == ("tick_done", "corp", 3, "info")
    assert (theirs["event"], theirs["level"]) == ("worker 2 died", "warning")
    assert str(ours["timestamp"]).endswith("Z")


def test_the_level_is_kept_and_chatty_libraries_are_one_level_quieter(capsys: pytest.CaptureFixture[str]) -> None:
    """What APScheduler calls information happens with every tick."""
    configure(LogLevel.INFO, LogFormat.JSON)
    structlog.get_logger("lockstep.test").debug("nothing")
    logging.getLogger("apscheduler.scheduler").info("job added")
    assert lines(capsys) == []
    configure(LogLevel.DEBUG, LogFormat.JSON)
    structlog.get_logger("lockstep.test").debug("something")
    logging.getLogger("apscheduler.scheduler").info("job added")
    assert [line["event"] for line in lines(capsys)] == ["something", "job added"]


def test_secrets_never_get_through(capsys: pytest.CaptureFixture[str]) -> None:
    """By the name of the field, and our own tokens wherever they stand; the public id stays, to revoke it by."""
    token_id, token = new_secret()
    configure(LogLevel.INFO, LogFormat.JSON)
    log = structlog.get_logger("lockstep.test")
    log.info(
        "refused",
        token_text=token,
        bind_password="hunter2",
        Authorization="Bearer x",
        nested={"secret": "s3", "a": token},
    )
    logging.getLogger("granian").warning("header %s", token)
    log.error("failed", exc_info=ValueError(f"no such token: {token}"))
    text = "".join(json.dumps(line) for line in lines(capsys))
    assert token.split("_", 2)[2] not in text
    assert not [secret for secret in ("hunter2", "Bearer x", "s3") if secret in text]
    assert text.count(token_id) == 4
    assert HIDDEN in text


def test_debugging_does_not_print_the_rows_of_the_database(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Names, addresses and digests of tokens pass through it."""
    configure(LogLevel.DEBUG, LogFormat.JSON)
    Installation(folder=tmp_path).ok("token", "create", "--role", "operator", "--label", "label-of-a-person")
    assert "label-of-a-person" not in capsys.readouterr().err
    for name in ("sqlalchemy.engine.Engine", "sqlalchemy.pool.impl.QueuePool"):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)


def test_control_characters_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A user name may hold an escape sequence; somebody reads the log in a terminal."""
    configure(LogLevel.INFO, LogFormat.CONSOLE)
    structlog.get_logger("lockstep.test").warning("glass_broken", user="\x1b[31mroot")
    assert "\x1b" not in capsys.readouterr().err
