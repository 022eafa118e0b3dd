"""Numbers as pages print them: with a sign, a real minus, p values."""

import math

import pandas as pd

MINUS = str.maketrans("-", "−")


def signed(value: float, digits: int = 3) -> str:
    """Return a difference with its sign, a real minus included.

    Examples
    --------
    >>> signed(0.0123), signed(-0.5)
    ('+0.012', '−0.500')
    """
    return f"{value:+.{digits}f}".translate(MINUS)


def number(value: float, digits: int) -> str:
    """Return a number with a real minus sign.

    Examples
    --------
    >>> number(-1.25, 1), number(float("inf"), 1)
    ('−1.2', '∞')
    """
    return f"{value:.{digits}f}".translate(MINUS).replace("inf", "∞")


def signed_interval(low: float, high: float) -> str:
    """Return the ends of a difference's interval as text, "" for none.

    Examples
    --------
    >>> signed_interval(-0.01, 0.02), signed_interval(float("nan"), float("nan"))
    ('−0.010 to +0.020', '')
    """
    return "" if math.isnan(low) else f"{signed(low)} to {signed(high)}"


def interval_column(found: pd.DataFrame) -> list[str]:
    """Return each row's interval, from `low` to `high`, as text, "–" for none.

    Examples
    --------
    >>> interval_column(pd.DataFrame({"low": [-0.01, math.nan], "high": [0.02, math.nan]}))
    ['−0.010 to +0.020', '–']
    """
    return [signed_interval(*ends) or "–" for ends in zip(found["low"], found["high"], strict=True)]


def printed_p(p: float) -> str:
    """Return a p value as text, "–" for none.

    Examples
    --------
    >>> printed_p(0.0312), printed_p(0.00001), printed_p(float("nan"))
    ('0.031', '< 0.001', '–')
    """
    if math.isnan(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
