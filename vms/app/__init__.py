"""The composition root. `run.py` starts and stops; `composition.py` joins the services."""

from vms.app.run import Started, run_app

__all__ = ["Started", "run_app"]
