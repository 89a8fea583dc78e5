"""The stream doctor: why a picture does not come. Start at `findings.py`, which judges facts.

`facts.py` is what one attempt has shown, `casebook.py` keeps the attempts of each channel,
`service.py` examines on request.
"""

from vms.services.doctor.casebook import Case, CaseBook
from vms.services.doctor.facts import Chart
from vms.services.doctor.service import DoctorService

__all__ = ["Case", "CaseBook", "Chart", "DoctorService"]
