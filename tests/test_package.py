"""The package's front: the public names, loaded when first used."""

import subprocess
import sys

import pytest

import carto_helpers


@pytest.mark.parametrize("name", carto_helpers.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(carto_helpers, name).__doc__
    assert name in dir(carto_helpers)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="module 'carto_helpers' has no attribute 'nothing'"):
        _ = carto_helpers.nothing


def test_importing_the_package_loads_no_torch() -> None:
    code = "import carto_helpers, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
