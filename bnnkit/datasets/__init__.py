"""Data sets: a few that come embedded, a few that are generated, the usual ones downloaded.

===========================  =====================================================  ============
loader                       what                                                   from
===========================  =====================================================  ============
:func:`load_digits`          1,797 handwritten digits, 8 x 8                        scikit-learn
:func:`random_prototypes`    ten noisy prototypes of 1,000 bits                     generated
:func:`load_mnist`           70,000 handwritten digits, 28 x 28                     12 MB
:func:`load_fashion_mnist`   70,000 pieces of clothing, 28 x 28                     31 MB
:func:`load_cifar10`         60,000 small colour photographs, 3 x 32 x 32           170 MB
:func:`load_svhn`            630,000 house numbers in colour, 3 x 32 x 32           1.6 GB
:func:`load_ucr`             time series of the UCR/UEA archive                     aeon, folder
===========================  =====================================================  ============

:func:`read_table` reads a file of your own. The others return a :class:`Dataset`. A loader looks
first in the folder that the environment variable ``BNNKIT_DATA`` names, then in the user's cache,
and only then downloads, saying what and how much. No file is ever unpickled, and a damaged one
raises ``ValueError`` before anything is kept.
"""

from bnnkit.datasets.dataset import Dataset, split, stratified_folds
from bnnkit.datasets.images import load_cifar10, load_digits, load_fashion_mnist, load_mnist
from bnnkit.datasets.prototypes import RandomPrototypes, random_prototypes
from bnnkit.datasets.series import fill_missing, load_ucr, series_lengths, ucr_names
from bnnkit.datasets.svhn import load_svhn
from bnnkit.datasets.tables import Table, read_table

__all__ = [
    "Dataset",
    "RandomPrototypes",
    "Table",
    "fill_missing",
    "load_cifar10",
    "load_digits",
    "load_fashion_mnist",
    "load_mnist",
    "load_svhn",
    "load_ucr",
    "random_prototypes",
    "read_table",
    "series_lengths",
    "split",
    "stratified_folds",
    "ucr_names",
]
