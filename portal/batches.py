"""What the brake keeps back of a company account, for its Account Administrators to decide on."""

import flask

from ims.batches import BatchId, Decision
from portal.pages import away, page
from portal.visits import Visit

SHOWN = 200
"""Users of a batch on the page; a batch may hold a whole company."""
_DECISIONS = {"approve": Decision.APPROVED, "reject": Decision.REJECTED}


def batches(visit: Visit) -> flask.Response:
    """Show each open batch: why it waits, and for each user what is now and what would be."""
    return page("batches", visit, parts=visit.view.held(), shown=SHOWN)


def decide(visit: Visit, batch_id: str, verb: str) -> flask.Response:
    """Approve or reject the ticked users of a batch, or all on whom nobody has decided where nobody is ticked.

    A batch's id stands for its contents: where the directory has moved meanwhile, there is no such batch any more.
    """
    names = flask.request.form.getlist("name")
    visit.view.decide(BatchId(batch_id), _DECISIONS[verb], names)
    return away("/batches")
