"""Lockstep keeps the lockouts of directories and the lock states of an identity management system in step.

In the repository the parts (`ims`, `agent`, …) lie beside this package; an installation carries them in
`lockstep/app/`, so that it adds a single name to site-packages (docs/adr/0002-wheel-layout.md). Put first on the path,
they are found there by the same names and before anybody else's.
"""

import sys
from pathlib import Path

__version__ = "0.1.0"

_APP = Path(__file__).parent / "app"
if _APP.is_dir():
    sys.path.insert(0, str(_APP))
