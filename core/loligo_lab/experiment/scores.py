"""Student's t and the normal distribution, from one to the other, far out in the tails and without scipy.

All tails are natural logarithms of P(X > x), so that nothing under- or overflows: a score of 40 is a probability of
1e-350. What must hold: `normal_score` rises with t, is odd, and `t_value` undoes it.
"""

from __future__ import annotations

from functools import lru_cache
from math import copysign, erfc, exp, expm1, inf, isinf, lgamma, log, log1p, pi, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
_STEPS = 500  # of a continued fraction; some dozens are usual
_NORMAL = NormalDist()
_LOG_ROOT_TWO_PI = 0.5 * log(2.0 * pi)


def normal_score(t: float, nu: float) -> float:
    """Return the normal deviate with the tail probability that t has with nu degrees of freedom."""
    if isinf(t) or t == 0.0:
        return t
    return copysign(_normal_from_log_tail(t_log_tail(abs(t), nu)), t)


def normal_scores(t: FloatArray, nu: FloatArray | float) -> FloatArray:
    """Return `normal_score` of each element, in the shape of t; NaN stays NaN."""
    spread = np.broadcast_to(np.asarray(nu, dtype=np.float64), t.shape)
    found = [one if one != one else normal_score(one, dof) for one, dof in zip(t.flat, spread.flat, strict=True)]
    return np.array(found, dtype=np.float64).reshape(t.shape)


@lru_cache(maxsize=4096)
def t_value(score: float, nu: float) -> float:
    """Return the t with nu degrees of freedom whose normal score this is; infinite where no float holds it."""
    if score == 0.0 or isinf(score):
        return score
    wanted, power = normal_log_tail(abs(score)), _wallace_power(abs(score), nu)
    if power > 600.0:
        return copysign(inf, score)
    at = 0.5 * log(nu * expm1(power))  # Newton in log t, where the tail is close to a straight line
    for _ in range(50):
        x = exp(at)
        tail = t_log_tail(x, nu)
        step = (tail - wanted) * exp(tail - _t_log_density(x, nu)) / x
        at += max(min(step, 1.0), -1.0)
        if abs(step) < 1e-15 * max(abs(at), 1.0):
            break
    return copysign(exp(at), score)


def _wallace_power(score: float, nu: float) -> float:
    """Return log(1 + t²/nu) for that score, nearly (Wallace 1959)."""
    return (score * (8.0 * nu + 3.0) / (8.0 * nu + 1.0)) ** 2 / nu


def normal_log_tail(x: float) -> float:
    """Return log P(Z > x) of the normal distribution."""
    if x < 37.0:
        return log(0.5 * erfc(x / sqrt(2.0)))
    series = 1.0 - (1.0 - (3.0 - 15.0 / (x * x)) / (x * x)) / (x * x)  # Abramowitz and Stegun 26.2.12
    return -0.5 * x * x - _LOG_ROOT_TWO_PI - log(x) + log(series)


def _normal_from_log_tail(tail: float) -> float:
    """Return the x >= 0 with that log P(Z > x)."""
    if tail > -600.0:
        return max(-_NORMAL.inv_cdf(exp(tail)), 0.0)
    x = sqrt(-2.0 * tail)
    for _ in range(50):  # Newton: the slope of the log tail is minus density over tail
        here = normal_log_tail(x)
        step = (here - tail) * exp(here + 0.5 * x * x + _LOG_ROOT_TWO_PI)
        x += step
        if abs(step) < 1e-14 * x:
            break
    return x


def t_log_tail(x: float, nu: float) -> float:
    """Return log P(T > x) for x >= 0 with nu degrees of freedom, by the incomplete beta function (DLMF 8.17)."""
    beyond = log1p((x / sqrt(nu)) ** 2) if x < 1e150 else 2.0 * log(x) - log(nu)
    inside = exp(-beyond)  # nu / (nu + x²)
    a, b = 0.5 * nu, 0.5
    if inside < (a + 1.0) / (a + b + 2.0):
        return log(0.5) - a * beyond + b * log(-expm1(-beyond)) + _log_beta_rest(inside, a, b)
    near = -expm1(-beyond)
    if near == 0.0:
        return log(0.5)
    return log(0.5) + log1p(-exp(b * log(near) - a * beyond + _log_beta_rest(near, b, a)))


def _log_beta_rest(x: float, a: float, b: float) -> float:
    """Return log of the incomplete beta function without x^a (1-x)^b."""
    return lgamma(a + b) - lgamma(a) - lgamma(b) - log(a) + log(_beta_fraction(x, a, b))


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction of DLMF 8.17.22, by the method of Lentz."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0) or tiny)
    value = d
    for m in range(1, _STEPS):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 / (1.0 + factor * d or tiny)
            c = 1.0 + factor / c or tiny
            value *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return value


def _t_log_density(x: float, nu: float) -> float:
    spread = log1p((x / sqrt(nu)) ** 2) if x < 1e150 else 2.0 * log(x) - log(nu)
    return lgamma(0.5 * (nu + 1.0)) - lgamma(0.5 * nu) - 0.5 * log(nu * pi) - 0.5 * (nu + 1.0) * spread
