"""/Bulk (RFC 7644 section 3.7): many operations in one request, each as if it had come alone.

They are done in the order of the request, but that one which names a bulkId waits for the one that makes it. Where
operations name each other in a circle, the first of them is done without the members it cannot name yet, which are put
in when everybody is there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from ims.errors import LockstepError
from scim.attributes import Document
from scim.bulk_request import BulkOperation, parse, references_in, resolved
from scim.calls import Answer, Call
from scim.errors import problem_of
from scim.urns import BULK_RESPONSE_URN, PATCH_URN

Perform = Callable[[Call, str, str, Document, str], Answer]
"""Does one operation for the caller: method, path, body, and the version that the client demands."""


@dataclass(slots=True)
class _Progress:
    """What was done so far: the ids that were made, and the answer to each operation."""

    ids: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    answers: dict[int, Document] = field(default_factory=dict)
    errors: int = 0


def bulk(call: Call, perform: Perform) -> Answer:
    """POST /Bulk: answer with the outcome of every operation that was tried."""
    request = parse(call.body())
    progress = _Progress()
    waiting = dict(enumerate(request.operations))
    later: list[tuple[int, BulkOperation]] = []
    while waiting and not _over(progress, request.fail_on_errors):
        number = _next(waiting, progress)
        operation = waiting.pop(number)
        open_ones = operation.refers_to - progress.ids.keys() - progress.failed
        if open_ones:
            later.append((number, operation))
            operation = _without(operation, open_ones)
        _do(call, perform, number, operation, progress)
    for number, operation in later:
        if not _over(progress, request.fail_on_errors):
            _complete(call, perform, number, operation, progress)
    answers = [progress.answers[number] for number in sorted(progress.answers)]
    return Answer(document={"schemas": [BULK_RESPONSE_URN], "Operations": answers})


def _over(progress: _Progress, most: int) -> bool:
    return bool(most) and progress.errors >= most


def _next(waiting: dict[int, BulkOperation], progress: _Progress) -> int:
    """Return the first operation that waits for nobody; in a circle, the first that a part can be left out of."""
    known = progress.ids.keys() | progress.failed
    ready = (number for number, one in waiting.items() if one.refers_to <= known)
    in_circle = (number for number, one in waiting.items() if one.method == "POST")
    return next(ready, next(in_circle, next(iter(waiting))))


def _do(call: Call, perform: Perform, number: int, operation: BulkOperation, progress: _Progress) -> None:
    body = resolved(operation.data, progress.ids)
    path = str(resolved(operation.path, progress.ids))
    told: Document = {"method": operation.method}
    if operation.bulk_id:
        told["bulkId"] = operation.bulk_id
    try:
        answer = perform(call, operation.method, path, body if isinstance(body, dict) else {}, operation.version)
    except LockstepError as error:
        problem = problem_of(error, conditional=bool(operation.version))
        progress.errors += 1
        progress.failed.add(operation.bulk_id)
        progress.answers[number] = told | {"status": str(problem.status.value), "response": problem.document()}
        if operation.method != "POST":
            progress.answers[number]["location"] = f"{call.services.base_url}{path}"
        return
    if operation.method == "POST" and answer.document:
        progress.ids[operation.bulk_id] = str(answer.document["id"])
    told["location"] = answer.headers.get("Location", f"{call.services.base_url}{path}")
    if "ETag" in answer.headers:
        told["version"] = answer.headers["ETag"]
    progress.answers[number] = told | {"status": str(answer.status.value)}


def _without(operation: BulkOperation, unknown: frozenset[str]) -> BulkOperation:
    """Return an operation without the members that cannot be named yet."""
    data = {name: _known_elements(value, unknown) for name, value in operation.data.items()}
    return BulkOperation(
        method=operation.method,
        path=operation.path,
        bulk_id=operation.bulk_id,
        version=operation.version,
        data=data,
        refers_to=operation.refers_to - unknown,
    )


def _known_elements(value: object, unknown: frozenset[str]) -> object:
    if not isinstance(value, list):
        return value
    return [element for element in value if references_in(element).isdisjoint(unknown)]


def _complete(call: Call, perform: Perform, number: int, operation: BulkOperation, progress: _Progress) -> None:
    """Put in what was left out, now that everybody has an id; who has none after all is the operation's error."""
    made = progress.ids.get(operation.bulk_id)
    if made is None:
        return
    endpoint = operation.path.rstrip("/")
    added = [
        {"op": "add", "path": name, "value": resolved(value, progress.ids)}
        for name, value in operation.data.items()
        if isinstance(value, list) and references_in(value)
    ]
    patch = BulkOperation(
        method="PATCH",
        path=f"{endpoint}/{made}",
        bulk_id=operation.bulk_id,
        version="",
        data={"schemas": [PATCH_URN], "Operations": added},
        refers_to=frozenset(),
    )
    _do(call, perform, number, patch, progress)
    if progress.answers[number]["status"] in (str(HTTPStatus.OK.value), str(HTTPStatus.NO_CONTENT.value)):
        progress.answers[number] |= {"method": operation.method, "status": str(HTTPStatus.CREATED.value)}
