"""The base of every widget: one state, two bodies.

In Jupyter a widget is an anywidget: its state is traitlets, which Python and the page both change.
On the site there is no Python; the same state lies as JSON inside a custom element, and the
script of :func:`bnnkit.viz.site_script` runs the same view on it. One cell shows both: its MIME
bundle holds the live view and the element, and each place takes the one it prefers.

Without anywidget, or with ``BNNKIT_WIDGETS=html`` in the environment (the site is built so), only
the element is made.
"""

from __future__ import annotations

import contextlib
import html
import json
import os

from bnnkit.viz.joiner import element_name, esm, site_style

try:
    if os.environ.get("BNNKIT_WIDGETS") == "html":
        raise ImportError("live widgets are switched off")
    import traitlets
    from anywidget import AnyWidget as _Base

    LIVE = True
except ImportError:
    _Base, LIVE = object, False


class Widget(_Base):
    """A figure that moves.

    A subclass names its ``view`` (``js/view/<view>.mjs``) and passes its state, JSON values only,
    to ``__init__``; each value is then an attribute of that name, synced with the page in Jupyter.
    ``_summary`` is what ``repr`` says, ``_still`` the picture and words for a page without script.
    """

    view = ""

    def __init__(self, **state):
        self._names = tuple(state)
        if LIVE:
            synced = {name: traitlets.Any(value) for name, value in state.items()}
            synced |= {
                "_esm": traitlets.Unicode(esm(self.view)),
                "_css": traitlets.Unicode(site_style()),
            }
            self.add_traits(**{name: trait.tag(sync=True) for name, trait in synced.items()})
            super().__init__()
        else:
            self.__dict__.update(state)

    def state(self) -> dict:
        """Return the widget's state as it is now."""
        return {name: getattr(self, name) for name in self._names}

    def html(self) -> str:
        """Return the widget as a custom element with its state and a still picture inside."""
        name = element_name(self.view)
        data = json.dumps(self.state(), separators=(",", ":"), allow_nan=False)
        data = data.replace("<", "\\u003c")  # so that nothing in it can end the script element
        return (
            f'<{name} data-btl-widget="{name}"><script type="application/json">{data}</script>'
            f"{self._still()}</{name}>"
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._summary()})"

    def _repr_mimebundle_(self, **kwargs):
        own = {"text/plain": repr(self), "text/html": self.html()}
        if not LIVE:
            return own
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        return bundle | own, metadata

    def _together(self):
        """Within this block, changes go to the page as one message."""
        return self.hold_sync() if LIVE else contextlib.nullcontext()

    def _summary(self) -> str:
        return ""

    def _still(self) -> str:
        raise NotImplementedError


def still(words: str, picture: str = "") -> str:
    """Return the figure that stands in for a widget where no script runs."""
    caption = f"<figcaption>{html.escape(words)}</figcaption>"
    return f'<figure class="btl-still">{picture}{caption}</figure>'
