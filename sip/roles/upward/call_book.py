"""Where calls of upper platforms are found again: by id, dialog, Subject and platform."""

from collections import Counter
from collections.abc import Iterator

from sip.message import Peer, Request
from sip.roles.upward.call import SourceKey, UpperCall
from sip.transactions import DialogTable


class CallBook:
    """All open calls; a loop over it may drop some."""

    def __init__(self) -> None:
        self._calls: dict[str, UpperCall] = {}
        self._by_source: dict[SourceKey, UpperCall] = {}
        self._open: Counter[str] = Counter()
        self._dialogs = DialogTable()

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[UpperCall]:
        return iter(list(self._calls.values()))

    def get(self, call_id: str) -> UpperCall | None:
        """Return a call by our id."""
        return self._calls.get(call_id)

    def count(self, platform_id: str) -> int:
        """Return how many calls of one platform are open."""
        return self._open[platform_id]

    def of_source(self, source: SourceKey | None) -> UpperCall | None:
        """Return what is sent for a Subject sender pair."""
        return self._by_source.get(source) if source is not None else None

    def of_dialog(self, request: Request, peer: Peer) -> UpperCall | None:
        """Return the call that an in-dialog request belongs to."""
        dialog = self._dialogs.find(request, peer)
        return dialog.user if dialog is not None and isinstance(dialog.user, UpperCall) else None

    def keep(self, call: UpperCall) -> None:
        """Keep a call; raises LocalProtocolError where there is no room."""
        self._dialogs.add(call.dialog)
        call.dialog.user = call.transaction.user = call
        self._calls[call.id] = call
        self._open[call.platform_id] += 1
        if call.source is not None:
            self._by_source[call.source] = call

    def drop(self, call: UpperCall) -> bool:
        """Forget a call; False where it was forgotten before."""
        if self._calls.pop(call.id, None) is None:
            return False
        self._dialogs.remove(call.dialog)
        self._open[call.platform_id] -= 1
        if not self._open[call.platform_id]:
            del self._open[call.platform_id]
        if self.of_source(call.source) is call and call.source is not None:
            del self._by_source[call.source]
        return True
