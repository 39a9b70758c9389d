"""What a training shows in a notebook: one output that changes, as the terminal's display does."""

from __future__ import annotations

import io
import time
from typing import Any

from rich.console import Console

from celu_cli.case.schema import Case
from celu_cli.cli.output.live import LiveDisplay
from celu_cli.events import EpochDone, Event, TrainingEnded
from celu_cli.runs.published import PublishedCurve

_WIDTH = 96
_SECONDS = 0.5  # between two frames: each is a message to the browser
_FRAME = '<pre style="line-height:normal;font-family:monospace">{code}</pre>'


def in_notebook() -> bool:
    """Whether there is a notebook to show something in."""
    try:
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None and hasattr(get_ipython(), "kernel")


class NotebookDisplay(LiveDisplay):
    """The frames of the terminal's display as HTML, each in the place of the one before."""

    def __init__(self, case: Case, published: PublishedCurve | None) -> None:
        super().__init__(case, published, Console(width=_WIDTH, file=io.StringIO()))
        self._place: Any = None
        self._shown = 0.0

    def __call__(self, event: Event) -> None:
        """Show what `event` says, at most twice a second but never without the last epoch."""
        super().__call__(event)
        now = time.monotonic()
        if isinstance(event, EpochDone | TrainingEnded) or now - self._shown >= _SECONDS:
            self._shown = now
            self._show()

    def _show(self) -> None:
        from IPython.display import HTML, display

        console = Console(width=_WIDTH, record=True, file=io.StringIO(), force_jupyter=False)
        console.print(self)
        frame = HTML(console.export_html(inline_styles=True, code_format=_FRAME))
        if self._place is None:
            self._place = display(frame, display_id=True)
        else:
            self._place.update(frame)
