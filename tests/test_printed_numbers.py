"""Numbers as pages print them."""

from carto_helpers.printed_numbers import number, printed_p, signed, signed_interval


def test_numbers_are_printed_with_a_real_minus() -> None:
    assert (signed(-0.0004), number(-2.0, 1)) == ("−0.000", "−2.0")
    assert printed_p(1.0) == "1.000"
    assert printed_p(0.05) == "0.050"
    assert signed_interval(-0.5, -0.25) == "−0.500 to −0.250"
