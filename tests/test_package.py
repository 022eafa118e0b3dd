"""The package's front: the public names, loaded when first used."""

import ast
import doctest
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import carto_helpers

HOME = Path(carto_helpers.__file__).parent
ALONE = [name for name in carto_helpers.__all__ if name not in carto_helpers._MODULES]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", carto_helpers.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(carto_helpers, name).__doc__
    assert name in dir(carto_helpers)


@pytest.mark.parametrize("name", ALONE)
def test_a_public_name_is_its_modules_own(name: str) -> None:
    module = import_module(f"carto_helpers.{carto_helpers._MODULE_OF[name]}")
    assert getattr(carto_helpers, name) is getattr(module, name)
    assert getattr(module, name).__module__ == module.__name__


def test_no_public_name_is_a_modules_too() -> None:
    """Importing the module would put it in the name's place."""
    assert not set(ALONE) & {path.stem for path in HOME.glob("*.py")}


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((HOME / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: (node.module or "").removeprefix("carto_helpers").removeprefix(".")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == carto_helpers._MODULE_OF | dict.fromkeys(carto_helpers._MODULES, "")
    assert (HOME / "py.typed").is_file()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="module 'carto_helpers' has no attribute 'nothing'"):
        _ = carto_helpers.nothing


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "pandas", "altair", "timm"}
    done = run(f"import carto_helpers, sys; sys.exit(bool({heavy!r} & set(sys.modules)))")
    assert done.returncode == 0


def test_a_missing_extra_is_named() -> None:
    missing = "import sys; sys.modules['altair'] = None; "  # None: an import raises
    for wanted in (
        "import carto_helpers; carto_helpers.figures",
        "from carto_helpers import figures",
    ):
        said = run(missing + wanted).stderr
        assert "`figures` expects the package altair, got none" in said
        assert 'pip install "carto_helpers[charts]"' in said


def test_another_missing_package_is_not_taken_for_an_extra() -> None:
    said = run("import sys; sys.modules['pandas'] = None; from carto_helpers import tables").stderr
    assert "import of pandas halted" in said
    assert "pip install" not in said


def test_the_readmes_example_runs() -> None:
    failed, tried = doctest.testfile(str(HOME.parent / "README.md"), module_relative=False)
    assert tried
    assert not failed
