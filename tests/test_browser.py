"""The built book in a real browser: drawn, quiet, offline, narrow, explorable, light and dark."""

import csv
import functools
import http.server
import shutil
import statistics
import threading

import numpy as np
import pandas as pd
import pytest
from built_book import MADE, ROOT, contents

from carto_helpers.selection import METRICS, region

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
WIDTHS = (1280, 390)
SCREENSHOTS = ROOT / "build" / "screenshots"
SECONDS = 2.0  # until the first chart of a page shows
PATIENCE = 120_000  # milliseconds: a busy machine is no defect
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
KEEP_VIEW = """document.addEventListener('chart-drawn', ({detail}) => {
  window.drawn = detail;
  window.drawnAfter ??= performance.now();
});"""
BRUSHED = {"variability": (0.1, 0.3), "confidence": (0.2, 0.5)}
START = {"colour_by": "correctness", "lit_subset": -1, "lit_class": "all classes"}
CUT = """width => [...document.querySelectorAll('h1, h2, h3, caption, p:not(td p, th p)')]
  .filter(e => e.getBoundingClientRect().right > width + 1).map(e => e.textContent)"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(html):
    handler = functools.partial(_Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def context(browser):
    opened = browser.new_context()
    opened.set_default_timeout(PATIENCE)
    opened.add_init_script(KEEP_VIEW)
    yield opened
    opened.close()


def _opened(context, site, address, scheme="light"):
    """Return a tab with a page; `heard` has its errors and its requests to outside."""
    tab = context.new_page()
    tab.heard = []
    tab.set_viewport_size({"width": WIDTHS[0], "height": 900})
    tab.emulate_media(color_scheme=scheme)
    tab.on("console", lambda m: tab.heard.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: tab.heard.append(str(error)))
    tab.on("request", lambda r: None if _is_ours(r.url, site) else tab.heard.append(r.url))
    tab.goto(f"{site}/{address}")
    return tab


@pytest.fixture
def visit(context, site):
    """Return a function that opens an address of the book."""
    opened = []

    def go(address):
        opened.append(_opened(context, site, address))
        return opened[-1]

    yield go
    for tab in opened:
        tab.close()


def _is_ours(url, site):
    return url.startswith((f"{site}/", "data:", f"blob:{site}"))


def _settled(tab):
    """Wait for every chart and formula that the page holds; return how many charts."""
    n_charts = tab.locator("[id^=altair-viz]").count()
    tab.wait_for_function(
        "n => document.querySelectorAll('.vega-embed .marks').length === n", arg=n_charts
    )
    tab.wait_for_function(
        "() => [...document.querySelectorAll('.math')].every(m => m.querySelector('mjx-container'))"
    )
    return n_charts


def drawn_pages():
    """Return every page; of the reference one by default, for they are built alike."""
    alike = {page for page in contents() if page.startswith("reference/")} - {"reference/scores"}
    slow = pytest.mark.slow
    return [pytest.param(p, marks=slow) if p in alike else p for p in [*contents(), MADE]]


@pytest.mark.parametrize("page", drawn_pages())
def test_a_page_is_drawn_quiet_and_as_wide_as_the_window(visit, page):
    tab = visit(f"{page}.html")
    n_charts = _settled(tab)
    labels = tab.eval_on_selector_all(
        ".vega-embed .chart-wrapper", "all => all.map(e => e.getAttribute('aria-label'))"
    )
    assert len(labels) == n_charts and all(labels)
    assert tab.locator("mjx-merror").count() == 0
    undrawn = "all => all.filter(e => !(e.complete && e.naturalWidth)).map(e => e.alt)"
    assert tab.eval_on_selector_all(".bd-article img", undrawn) == []
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.evaluate(CUT, width) == []
        _keep(tab, f"{page.replace('/', '-')}-{width}")
    assert tab.heard == []


def _keep(tab, name):
    """Keep a screenshot of the whole page, to be looked at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True, animations="disabled")


@pytest.mark.slow
def test_the_first_chart_of_every_page_shows_soon(browser, site, html):
    """The median of five loads, nothing cached, on an idle machine; the list is kept."""
    lines = []
    for page in [page for page in [*contents(), MADE] if not page.startswith("reference/")]:
        times = [_seconds_to_chart(browser, f"{site}/{page}.html") for _ in range(5)]
        weight = (html / f"{page}.html").stat().st_size
        lines.append({"page": page, "bytes": weight, "seconds": statistics.median(times)})
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(lines).to_csv(SCREENSHOTS / "pages.csv", index=False)
    assert max(line["seconds"] for line in lines) <= SECONDS, lines


def _seconds_to_chart(browser, address):
    """Return when the page's first chart was drawn, 0 if it has none."""
    with browser.new_context() as context:
        context.add_init_script(KEEP_VIEW)
        tab = context.new_page()
        tab.goto(address)
        _settled(tab)
        return tab.evaluate("window.drawnAfter || 0") / 1000


@pytest.fixture(scope="module")
def made_tab(context, site):
    """Return the made page in the dark; the page of the contents was seen in the light."""
    tab = _opened(context, site, f"{MADE}.html", "dark")
    _settled(tab)
    tab.wait_for_selector(".map-tools")
    return tab


@pytest.fixture
def explored(made_tab, made):
    """Return the made page, its map in view, nothing chosen."""
    made_tab.locator(".vega-embed").scroll_into_view_if_needed()
    yield made_tab
    made_tab.get_by_role("button", name="Clear").click()
    for name, value in START.items():
        made_tab.select_option(f"select[name={name}]", index=0)
        made_tab.wait_for_function(
            "([name, value]) => window.drawn.view.signal(name) === value", arg=[name, value]
        )
    made_tab.fill("input[name=found_index]", "")
    _wait_for_count(made_tab, len(made))


def _wait_for_count(tab, n):
    """Wait until the page says that so many examples are chosen."""
    tab.wait_for_function(
        "text => document.querySelector('.map-counts').textContent.startsWith(text)",
        arg=f"Chosen: {n:,} of ",
    )


def _origin(tab):
    """Return where the map lies on the canvas."""
    return tab.evaluate(
        "() => { const v = window.drawn.view, [x, y] = v.origin(), p = v.padding();"
        "const g = v.scenegraph().root.items[0].items.find(m => m.name === 'concat_2_group');"
        "return [x + p.left + g.items[0].x, y + p.top + g.items[0].y]; }"
    )


def _brush(tab):
    """Drag over the map with the mouse, from one corner of `BRUSHED` to the other."""
    box = tab.locator(".vega-embed canvas").bounding_box()
    left, top = _origin(tab)
    ends = list(zip(*BRUSHED.values(), strict=True))
    places = [(box["x"] + left + 800 * v, box["y"] + top + 400 * (1 - c)) for v, c in ends]
    tab.mouse.move(*places[0])
    tab.mouse.down()
    tab.mouse.move(*places[1], steps=4)
    tab.mouse.up()
    tab.wait_for_function("() => document.querySelector('.map-brush input').value !== '0.000'")
    return tab.evaluate("window.drawn.view.signal('brush')")


def _inside(frame: pd.DataFrame, brush: dict[str, list[float]]) -> pd.DataFrame:
    """Return the rows that lie in the brush, as the page's numbers are rounded."""
    is_in = np.ones(len(frame), dtype=bool)
    for name, ends in brush.items():
        is_in &= frame[name].round(4).between(min(ends), max(ends)).to_numpy()
    return frame[is_in].sort_values("index")


def test_dark_pages_have_no_light_boxes(explored):
    assert explored.evaluate("document.documentElement.dataset.theme") == "dark"
    boxes = explored.eval_on_selector_all(
        ".cell_output .text_html, .map-tools, .vega-embed, .map-strip img",
        "all => all.map(e => getComputedStyle(e).backgroundColor)",
    )
    assert set(boxes) == {"rgba(0, 0, 0, 0)"}
    _keep(explored, "dark-1280")


def test_a_point_shows_its_image_and_history(explored):
    """The first point with an image that the mouse can reach."""
    points = explored.evaluate(
        "() => Object.values(window.drawn.spec.datasets).find(d => d[0] && d[0].subsets != null)"
        ".filter(d => d.thumbnail).slice(0, 40).map(d => [d.variability, d.confidence])"
    )
    box = explored.locator(".vega-embed canvas").bounding_box()
    left, top = _origin(explored)
    shown = explored.locator("#vg-tooltip-element.visible")
    picture = shown.locator("img")
    for variability, confidence in points:
        explored.mouse.move(0, 0)
        shown.wait_for(state="detached")
        explored.mouse.move(
            box["x"] + left + 800 * variability, box["y"] + top + 400 * (1 - confidence)
        )
        shown.wait_for()
        if "webp" in picture.get_attribute("src"):
            break
    assert "<polyline" in picture.get_attribute("src")
    assert picture.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [128, 176]
    text = explored.inner_text("#vg-tooltip-element")
    for word in ("index", "class", "confidence", "forgetfulness", "p_gold by epoch"):
        assert word in text
    _keep(explored, "hover-1280")


def test_a_brush_chooses_and_the_csv_has_its_rows(explored, made, tmp_path):
    _wait_for_count(explored, len(made))
    expected = _inside(made, _brush(explored))
    assert 100 < len(expected) < len(made) / 2
    _wait_for_count(explored, len(expected))
    assert f"{len(expected):,}" in explored.inner_text(".map-save")
    assert 0 < explored.locator(".map-strip img").count() <= 60
    with explored.expect_download() as download:
        explored.click(".map-save")
    download.value.save_as(tmp_path / "saved.csv")
    with (tmp_path / "saved.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["index"]) for row in rows] == expected["index"].tolist()
    assert [row["class"] for row in rows] == expected["class"].tolist()
    _keep(explored, "brushed-1280")


def test_the_bars_hold_what_is_brushed(explored, made):
    """The heights of the class bars in front add up to the brushed part of the sample."""
    brush = _brush(explored)
    rows = explored.evaluate(
        "() => Object.values(window.drawn.spec.datasets).find(d => d[0] && d[0].subsets != null)"
    )
    share = len(_inside(pd.DataFrame(rows), brush)) / len(rows)
    heights = explored.evaluate(
        "() => window.drawn.view.scenegraph().root.items[0].items"
        ".find(m => m.name === 'concat_4_group').items[0].items"
        ".find(m => m.name === 'concat_4_layer_1_marks').items"
        ".map(bar => [bar.height, bar.mark.group.height])"
    )
    top = explored.evaluate("() => window.drawn.view.scale('concat_4_y').domain()[1]")
    assert sum(height / full * top for height, full in heights) == pytest.approx(share, abs=1e-3)


def test_numbers_brush_too_and_enter_is_enough(explored, made):
    for name, ends in BRUSHED.items():
        for word, end in zip(("from", "to"), ends, strict=True):
            explored.get_by_label(f"{name} {word}").fill(str(end))
    explored.keyboard.press("Enter")
    explored.wait_for_function("() => window.drawn.view.signal('brush').variability")
    brush = explored.evaluate("window.drawn.view.signal('brush')")
    for name, ends in BRUSHED.items():
        assert sorted(brush[name]) == pytest.approx(ends, abs=1e-6)
    _wait_for_count(explored, len(_inside(made, brush)))
    explored.get_by_role("button", name="Clear").click()
    explored.wait_for_function("() => !window.drawn.view.signal('brush').variability")


def test_a_rules_subset_and_a_class_light_up(explored, made):
    scores = {name: made[name].to_numpy() for name in METRICS}
    subset = made.iloc[region(scores, "hard-to-learn", 33 * len(made) // 100)]
    explored.select_option("select[name=lit_subset]", label="33% hard-to-learn")
    _wait_for_count(explored, len(subset))
    explored.select_option("select[name=lit_class]", label="frog")
    _wait_for_count(explored, int((subset["class"] == "frog").sum()))


def test_colour_is_chosen_by_keyboard(explored):
    explored.focus("select[name=colour_by]")
    explored.keyboard.press("ArrowDown")
    explored.wait_for_function("() => window.drawn.view.signal('colour_by') === 'forgetfulness'")


def test_the_tab_key_reaches_every_control_in_order_and_shows_where_it_is(explored):
    explored.focus("select[name=colour_by]")
    reached = []
    for _ in range(12):
        explored.keyboard.press("Tab")
        name, outline, shadow = explored.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e);"
            "return [e.name || e.ariaLabel || e.textContent, s.outlineStyle, s.boxShadow]; }"
        )
        assert (outline, shadow) != ("none", "none"), name
        reached.append(name)
    ends = [f"{axis} {end}" for axis in ("variability", "confidence") for end in ("from", "to")]
    controls = ["lit_subset", "lit_class", "found_index", *ends, "Brush", "Clear"]
    assert [name for name in reached if name in controls] == controls
    assert reached[-2] == "brushed images" and reached[-1].startswith("Save ")


def test_an_index_is_found_among_all_examples(explored, made):
    row = made.iloc[7]
    explored.fill("input[name=found_index]", str(row["index"]))
    explored.wait_for_selector(".map-found:not(:empty)")
    text = explored.inner_text(".map-found")
    assert f"index {row['index']}: {row['class']}, confidence {round(row['confidence'], 4)}" in text
    explored.fill("input[name=found_index]", str(len(made)))
    explored.wait_for_function(
        "() => document.querySelector('.map-found').textContent.startsWith('no example')"
    )


def test_the_books_search_finds_a_word(visit):
    tab = visit("search.html?q=forgetfulness")
    tab.wait_for_selector("ul.search li")
    assert tab.heard == []
