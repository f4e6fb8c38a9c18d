"""The figures of the papers that our runs are set beside. BEP's are test accuracies in percent.

Read off Figure 2 of *BEP* (Colombo et al., ICLR 2026), within 0.2; of its networks without batch
norm within 1. Rows are hidden layers of equal width.
"""

from __future__ import annotations

WIDTHS = (35, 75, 135, 255, 525)

# (data set, method, hidden layers) -> accuracy at each of WIDTHS
FIGURE_2 = {
    ("random-prototypes", "bep", 2): (61.7, 70.5, 74.1, 76.1, 77.3),
    ("random-prototypes", "bep", 3): (58.6, 69.4, 72.5, 74.8, 76.2),
    ("random-prototypes", "local", 2): (56.1, 65.0, 71.5, 74.6, 76.1),
    ("random-prototypes", "ste-bn", 2): (67.8, 71.8, 72.5, 73.5, 73.9),
    ("random-prototypes", "ste", 2): (31, 44, 51, 55, 59),
    ("fashion-mnist", "bep", 2): (82.6, 84.25, 84.9, 85.5, 85.8),
    ("fashion-mnist", "bep", 3): (82.0, 83.8, 84.55, 85.45, 85.75),
    ("fashion-mnist", "local", 2): (81.5, 83.7, 84.7, 85.1, 85.5),
    ("fashion-mnist", "ste-bn", 2): (82.5, 84.3, 85.1, 86.05, 86.7),
    ("fashion-mnist", "ste", 2): (36, 50, 57, 69, 69),
}

# Table 1, BEP through time, mean over folds and runs: those of its 30 sets that were run here.
TABLE_1 = {
    "DistalPhalanxOutlineAgeGroup": 79.78,
    "ECGFiveDays": 81.79,
    "Earthquakes": 80.34,
    "FreezerRegularTrain": 78.21,
    "FreezerSmallTrain": 78.16,
    "GunPointAgeSpan": 86.18,
    "InsectEPGRegularTrain": 99.14,
    "InsectEPGSmallTrain": 99.37,
    "ItalyPowerDemand": 94.65,
    "JapaneseVowels": 95.47,
    "MelbournePedestrian": 73.03,
    "MoteStrain": 78.62,
    "ProximalPhalanxOutlineAgeGroup": 82.64,
    "ProximalPhalanxTW": 79.83,
    "SonyAIBORobotSurface1": 75.68,
    "Wafer": 95.92,
}

# Sequential MNIST, state and readout 1875: validation accuracy by steps ("window", Figure 3b) and,
# at 28 steps, by how many of them blame goes back (Figure 8). Read off, within 0.5 and 1.
S_MNIST = {8: 96.0, 28: 92.7}
S_MNIST_HORIZON = {2: 54.0, 4: 67.0, 8: 73.0, 28: 93.0}

# Table 2 of BinaryConnect (Courbariaux et al. 2015): test error in percent.
TABLE_2 = {
    "mnist": {"none": 1.30, "det": 1.29, "stoch": 1.18, "dropout": 1.01},
    "cifar10": {"none": 10.64, "det": 9.90, "stoch": 8.27},
    "svhn": {"none": 2.44, "det": 2.30, "stoch": 2.15},
}

# Operations a second on float32 numbers, at best: the data sheet of NVIDIA's A100 (2020).
A100 = 19.5e12


def figure_2(dataset: str, method: str, widths: tuple[int, ...]) -> float | None:
    """Return the paper's accuracy for hidden layers ``widths``, None if it shows none.

    >>> figure_2("fashion-mnist", "bep", (135, 135))
    84.9
    """
    curve = FIGURE_2.get((dataset, method, len(widths)))
    if curve is None or len(set(widths)) != 1 or widths[0] not in WIDTHS:
        return None
    return curve[WIDTHS.index(widths[0])]
