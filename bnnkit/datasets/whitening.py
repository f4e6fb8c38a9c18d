"""What the networks of 2015 did to photographs first: contrast and whitening.

Rows are images, float32 or float64; a transform that learns learns from the training rows alone.
"""

from __future__ import annotations

import numpy as np

from bnnkit.errors import check_array, check_columns, check_number


def global_contrast(X, scale: float = 55.0) -> np.ndarray:
    """Return each image with mean 0 and Euclidean norm ``scale`` (float32).

    An image of one colour stays 0. Source: Goodfellow, Bengio and Courville 2016, Section 12.2.1.

    >>> global_contrast([[1.0, 3.0]], scale=2).round(3)
    array([[-1.414,  1.414]], dtype=float32)
    """
    X = check_array(X, "X", ndim=2).astype(np.float32)
    scale = float(check_number(scale, "scale", low=0, open_low=True))
    X = X - X.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(X, axis=1, keepdims=True)
    return X * (scale / np.where(norm < 1e-8, 1, norm))


class ZCAWhitening:
    """Decorrelate the pixels, turning them as little as possible.

    Parameters
    ----------
    bias : added to every eigenvalue of the covariance, so that noise is not blown up

    Attributes: ``mean_`` (d,) and ``matrix_`` (d, d), symmetric. Source: Bell and Sejnowski 1997;
    Krizhevsky 2009, Appendix A.

    >>> X = np.array([[2.0, 0.1], [-2.0, -0.1], [1.0, -0.1], [-1.0, 0.1]])
    >>> np.cov(ZCAWhitening(bias=0).fit(X).transform(X).T, bias=True).round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, bias: float = 0.1):
        self.bias = bias

    def fit(self, X) -> ZCAWhitening:
        """Learn mean and matrix from ``X``, shape (n, d); return ``self``."""
        X = check_array(X, "X", ndim=2)
        bias = float(check_number(self.bias, "bias", low=0))
        self.mean_ = X.mean(axis=0, dtype=np.float64)
        centred = (X - self.mean_).astype(X.dtype if X.dtype.kind == "f" else np.float64)
        eigenvalues, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64) / len(X))
        eigenvalues = np.maximum(eigenvalues, 0) + bias
        if eigenvalues.min() < 1e-12:
            raise ValueError("X must vary in every direction, or bias be above 0")
        self.matrix_ = (vectors / np.sqrt(eigenvalues)) @ vectors.T
        return self

    def transform(self, X) -> np.ndarray:
        """Return ``X`` whitened, in its own dtype (float64 for integers)."""
        if not hasattr(self, "matrix_"):
            raise ValueError("ZCAWhitening must be fitted before transform: call fit(X)")
        X = check_array(X, "X", ndim=2)
        check_columns(X, "X", len(self.mean_))
        dtype = X.dtype if X.dtype.kind == "f" else np.dtype(np.float64)
        return (X - self.mean_).astype(dtype) @ self.matrix_.astype(dtype)


def local_contrast(X, shape: tuple[int, int, int], sigma: float = 2.0) -> np.ndarray:
    """Return each pixel less the Gaussian mean around it, over the deviation around it (float32).

    ``shape`` is (planes, height, width) of a row. Where an image is flatter than on average over
    itself, its average deviation divides instead, so that plain areas are not blown up. Source:
    Jarrett et al. 2009, Section 2 (each plane by itself).
    """
    try:
        from scipy.ndimage import gaussian_filter
    except ImportError:
        raise ImportError('local_contrast needs scipy: pip install "bnnkit[sklearn]"') from None
    X = check_array(X, "X", ndim=2).astype(np.float32)
    check_columns(X, "X", int(np.prod(shape)))
    images = X.reshape(-1, *shape)
    blur = dict(sigma=(0, 0, sigma, sigma), mode="constant", truncate=1.5)
    inside = gaussian_filter(np.ones((1, *shape), np.float32), **blur)  # less at the edges
    images = images - gaussian_filter(images, **blur) / inside
    deviation = np.sqrt(np.maximum(gaussian_filter(images**2, **blur) / inside, 0))
    average = deviation.mean(axis=(2, 3), keepdims=True)
    return (images / np.maximum(np.maximum(deviation, average), 1e-4)).reshape(X.shape)
