"""IEEE 754 arithmetic in exact rationals: what +, -, *, / and sqrt must give, bit for bit, in float64 and float32.

Nothing here calls the arithmetic that it judges. Each operation is done in `fractions.Fraction` (sqrt in integers) and
rounded once, to nearest with ties to even, with subnormals, signed zeros and overflow as the standard has them. Values
are Python floats, which hold every float32 too. Operands are finite; results may be infinite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache


@dataclass(frozen=True, slots=True)
class Format:
    """A binary floating-point format: its precision in bits and the exponents of its largest and smallest values."""

    name: str
    precision: int
    largest_exponent: int
    smallest_exponent: int

    @property
    def smallest(self) -> float:
        """The smallest positive value, which is subnormal."""
        return math.ldexp(1.0, self.smallest_exponent)

    @property
    def smallest_normal(self) -> float:
        return math.ldexp(1.0, self.smallest_exponent + self.precision - 1)

    @property
    def largest(self) -> float:
        return math.ldexp(2**self.precision - 1, self.largest_exponent - self.precision + 1)

    def is_subnormal(self, value: float) -> bool:
        return 0.0 < abs(value) < self.smallest_normal

    def round(self, value: float) -> float:
        """The nearest value of this format: what a cast from float64 gives."""
        return self._nearest(abs(Fraction(value)), _is_negative(value))

    def add(self, a: float, b: float) -> float:
        total = Fraction(a) + Fraction(b)
        # A sum that is exactly zero is +0.0, but for -0.0 + -0.0.
        negative = total < 0 if total else _is_negative(a) and _is_negative(b)
        return self._nearest(abs(total), negative)

    def sub(self, a: float, b: float) -> float:
        return self.add(a, -b)

    def mul(self, a: float, b: float) -> float:
        return self._nearest(abs(Fraction(a) * Fraction(b)), _is_negative(a) != _is_negative(b))

    def div(self, a: float, b: float) -> float:
        negative = _is_negative(a) != _is_negative(b)
        if b == 0:
            return math.nan if a == 0 else math.copysign(math.inf, -1.0 if negative else 1.0)
        return self._nearest(abs(Fraction(a) / Fraction(b)), negative)

    def sqrt(self, a: float) -> float:
        if a == 0:
            return a
        if a < 0:
            return math.nan
        # a = numerator * 4**half with an integer root of at least precision + 2 bits. Where that root is not exact the
        # true one lies strictly between two integers, none of which is a midpoint: any value between rounds alike.
        half = (Fraction(a).numerator.bit_length() - Fraction(a).denominator.bit_length()) // 2 - self.precision - 3
        scaled = Fraction(a) / _two_to(2 * half)
        root = math.isqrt(scaled.numerator)
        assert scaled.denominator == 1, "the scale cuts off no bit of a value of this format"
        exact = root * root == scaled.numerator
        return self._nearest((Fraction(root) + (0 if exact else Fraction(1, 2))) * _two_to(half), negative=False)

    def _nearest(self, magnitude: Fraction, negative: bool) -> float:
        """Rounds to nearest, ties to even."""
        sign = -1.0 if negative else 1.0
        if magnitude == 0:
            return math.copysign(0.0, sign)
        exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
        if _two_to(exponent) > magnitude:
            exponent -= 1
        last_place = max(exponent - self.precision + 1, self.smallest_exponent)
        units = round(magnitude / _two_to(last_place))  # Python rounds a Fraction's ties to even
        if units * _two_to(last_place) >= _two_to(self.largest_exponent + 1):
            return math.copysign(math.inf, sign)
        return math.copysign(math.ldexp(units, last_place), sign)


@cache
def _two_to(exponent: int) -> Fraction:
    return Fraction(2) ** exponent


def _is_negative(value: float) -> bool:
    """The sign bit: true for -0.0 too."""
    return math.copysign(1.0, value) < 0


FLOAT64 = Format("float64", precision=53, largest_exponent=1023, smallest_exponent=-1074)
FLOAT32 = Format("float32", precision=24, largest_exponent=127, smallest_exponent=-149)
FORMATS = {"float64": FLOAT64, "float32": FLOAT32}
