"""Figures that move: in Jupyter with Python behind them, on the site without.

``site_script()`` and ``site_style()`` are what a page needs to bring the widgets' elements to life.
"""

from bnnkit.viz.error_bits import ErrorBits
from bnnkit.viz.error_bits_time import ErrorBitsTime, Recording
from bnnkit.viz.flip_map import FlipMap
from bnnkit.viz.guess import Guess, make_ask
from bnnkit.viz.joiner import site_script, site_style
from bnnkit.viz.playground import Playground
from bnnkit.viz.quiz import ProgressMap, Quiz, make_question
from bnnkit.viz.sign_surrogate import SignSurrogate
from bnnkit.viz.staircase import Staircase
from bnnkit.viz.tasks import playground_task
from bnnkit.viz.thermometer import Thermometer
from bnnkit.viz.threshold import ThresholdDigits
from bnnkit.viz.widget import Widget
from bnnkit.viz.xnor_dot import XnorDot

__all__ = [
    "ErrorBits",
    "ErrorBitsTime",
    "FlipMap",
    "Guess",
    "Playground",
    "ProgressMap",
    "Quiz",
    "Recording",
    "SignSurrogate",
    "Staircase",
    "Thermometer",
    "ThresholdDigits",
    "Widget",
    "XnorDot",
    "make_ask",
    "make_question",
    "playground_task",
    "site_script",
    "site_style",
]
