"""The picture that stands beside a shared link: the book's name, written in bits.

Each column of the drawing is a letter of the title, its eight ASCII bits from top to bottom, a
square for 1 and a disc for 0.
"""

from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle

WIDTH, HEIGHT = 1200, 630
PAPER, INK, SOFT, PLUS, MINUS = "#fffdf9", "#1d2733", "#566270", "#1f5fa8", "#b4540a"
TITLE, QUESTION = "Bits That Learn", "What if a weight were one bit?"
WORDS = f"{TITLE}: {QUESTION} Below, the title in bits, a column for each letter."


def draw_card(path, pitch=66, top=250):
    """Write the card to ``path`` as a PNG of 1200 x 630 pixels."""
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=PAPER)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.axis("off")
    left = (WIDTH - pitch * len(TITLE)) / 2
    axes.text(left, 105, TITLE, size=54, color=INK, family="serif", va="center")
    axes.text(left, 182, QUESTION, size=25, color=SOFT, family="serif", style="italic", va="center")
    step = (HEIGHT - top - 30) / 8
    for column, letter in enumerate(TITLE):
        for row, bit in enumerate(f"{ord(letter):08b}"):
            x, y = left + pitch * column, top + step * row
            size = 0.72 * step
            if bit == "1":
                axes.add_patch(Rectangle((x, y), size, size, color=PLUS, lw=0))
            else:
                axes.add_patch(Circle((x + size / 2, y + size / 2), size / 2, color=MINUS, lw=0))
    figure.savefig(path)
