"""The audit's chain outside of the store: writing an export, reading one, reading the heads, and verifying either."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

from ims.chain import (
    Chain,
    Head,
    Link,
    extract_of_line,
    head_of_line,
    line_of_extract,
    line_of_link,
    link_of_line,
)
from ims.errors import InvalidInput, LockstepError
from ims.verifying import Verified, Walk

_OWNER_ONLY = 0o600
_T = TypeVar("_T")


def export_lines(chain: Chain) -> Iterator[str]:
    """Yield an export's lines: what it says of itself, then a row each."""
    yield line_of_extract(chain.extract)
    yield from map(line_of_link, chain.links)


def write_new(file: Path, lines: Iterable[str]) -> None:
    """Write lines to a new file, readable by its owner only, and wait until they are on the disk.

    Raises InvalidInput where the file is there already or cannot be made or written; half a file does not stay.
    """
    try:
        number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWNER_ONLY)
    except OSError as error:
        raise InvalidInput(
            f"{file} cannot be made: {error.strerror}; name a new file in a folder that exists"
        ) from None
    try:
        with open(number, "w", encoding="utf-8") as stream:  # noqa: PTH123 - it is open already
            stream.writelines(f"{line}\n" for line in lines)
            stream.flush()
            os.fsync(number)
    except BaseException as error:
        file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise LockstepError(f"{file} cannot be written: {error.strerror}; nothing of it was kept") from error
        raise


def verify_chain(chain: Chain, heads: Iterable[Head]) -> Verified:
    """Walk the chain of a store, from where it was opened."""
    extract = chain.extract
    walk = Walk(extract.head.store, heads, after=extract.after, previous=extract.previous)
    return _walk(walk, chain.links, chain.last)


def verify_export(file: Path, heads: Iterable[Head]) -> Verified:
    """Walk an export, which need not begin at row 1; no store is needed. It has to lead to the head it names itself.

    Raises InvalidInput for a file that is no export, or that holds one tenant's rows only.
    """
    with _opened(file) as stream:
        extract = _read(file, 1, stream.readline(), extract_of_line)
        if extract.tenant:
            raise InvalidInput(
                f"{file} holds the rows of {extract.tenant} only, which are no chain: each one's hash is over the row "
                "before, whoever that was about. Verify the store, or an export of everything",
            )
        previous = extract.previous if extract.after else ""
        walk = Walk(extract.head.store, (*heads, extract.head), after=extract.after, previous=previous)
        return _walk(walk, _links(file, stream), extract.head.number)


def heads_in(file: Path) -> tuple[Head, ...]:
    """Return the heads that a file holds, one per line. Raises InvalidInput, naming a line that is none."""
    with _opened(file) as stream:
        return tuple(_read(file, number, line, head_of_line) for number, line in enumerate(stream, 1) if line.strip())


def _walk(walk: Walk, links: Iterable[Link], last: int) -> Verified:
    for link in links:
        walk.row(link)
    return walk.end(last)


def _links(file: Path, stream: BinaryIO) -> Iterator[Link]:
    for number, line in enumerate(stream, 2):
        yield _read(file, number, line, link_of_line)


def _read(file: Path, number: int, line: bytes, reader: Callable[[str], _T]) -> _T:
    """Return what a line holds. Raises InvalidInput, with the line's number."""
    try:
        return reader(line.decode())
    except UnicodeDecodeError:
        raise InvalidInput(f"{file}, line {number} is no text in UTF-8") from None
    except InvalidInput as error:
        raise InvalidInput(f"{file}, line {number} {error}") from None


@contextmanager
def _opened(file: Path) -> Iterator[BinaryIO]:
    try:
        with file.open("rb") as stream:
            yield stream
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}") from None
