import importlib.util
from pathlib import Path
from types import SimpleNamespace

import altair as alt
import pandas as pd
import pytest

PATH = Path(__file__).parents[1] / "book" / "_extensions" / "offline_pages.py"
CDN = "https://cdn.jsdelivr.net/npm/vega@6"


@pytest.fixture
def pages(monkeypatch):
    """Return the extension, its warnings kept in `warned`."""
    specification = importlib.util.spec_from_file_location("offline_pages", PATH)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.warned = []
    warning = SimpleNamespace(warning=lambda text, *values: module.warned.append(text % values))
    monkeypatch.setattr(module, "logger", warning)
    return module


@pytest.fixture
def app(tmp_path):
    """Return what the extension uses of Sphinx; `scripts` are those it adds to a page."""
    scripts = []
    builder = SimpleNamespace(format="html")
    return SimpleNamespace(
        outdir=tmp_path, builder=builder, scripts=scripts, add_js_file=scripts.append
    )


def chart_as_html():
    chart = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_point().encode(x="x")
    with alt.renderers.enable("html"):
        return chart._repr_mimebundle_()["text/html"]


def test_a_page_with_a_chart_loads_the_bundle_of_its_versions(pages, app):
    pages.add_bundle(app, "page", "", {"body": chart_as_html()}, None)
    assert app.scripts == ["charts/vega-bundle.js"]
    assert not pages.warned


def test_a_page_without_a_chart_loads_no_bundle(pages, app):
    pages.add_bundle(app, "page", "", {"body": "<p>vega</p>"}, None)
    assert not app.scripts


def test_a_chart_of_other_versions_is_a_warning(pages, app):
    body = chart_as_html().replace(f"vega-lite@{alt.VEGALITE_VERSION}", "vega-lite@5.0.0")
    pages.add_bundle(app, "page", "", {"body": body}, None)
    assert len(pages.warned) == 1
    assert "want vegalite 5.0.0" in pages.warned[0]


def test_the_bundle_says_which_versions_it_has(pages):
    bundle = pages.vega_bundle()
    assert f'"vegalite_version": "{alt.VEGALITE_VERSION}"' in bundle or (
        f'"vegalite_version":"{alt.VEGALITE_VERSION}"' in bundle
    )
    assert bundle.startswith("(() => {")


def test_a_bundle_that_cannot_be_had_is_an_error(pages, monkeypatch):
    monkeypatch.setattr(pages.alt, "VEGALITE_VERSION", "4.0.0")
    with pytest.raises(ValueError, match=r"must carry Vega-Lite 4\.0 as altair does, got 5\.8"):
        pages.vega_bundle()


@pytest.mark.parametrize(
    "tag",
    [
        f'<script src="{CDN}"></script>',
        '<script async src="//elsewhere/x.js"></script>',
        '<img alt="a" src="http://elsewhere/x.png">',
        '<link rel="stylesheet" href="https://elsewhere/x.css">',
    ],
)
def test_a_file_from_the_network_is_a_warning(pages, app, tag):
    (app.outdir / "page.html").write_text(f"<html>{tag}</html>")
    pages.warn_of_remote_files(app, None)
    assert len(pages.warned) == 1
    assert "page.html loads from the network" in pages.warned[0]


def test_links_to_elsewhere_are_allowed(pages, app):
    (app.outdir / "page.html").write_text(f'<a href="{CDN}">x</a><script src="_static/a.js">')
    pages.warn_of_remote_files(app, None)
    assert not pages.warned
