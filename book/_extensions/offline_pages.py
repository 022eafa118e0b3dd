"""Sphinx extension: pages whose charts and formulas are drawn without a network.

Altair's pages ask a content delivery network for Vega unless `VEGA_DEBUG` says that the versions
they want are loaded. Here the bundle that the installed vl-convert carries is put beside the
pages, and only pages with a chart load it. MathJax (folder `mathjax`, version 3.2.2) is copied
too. A page that would still load a script, a style sheet or an image from elsewhere is a warning.
"""

import json
import re
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

HERE = Path(__file__).parent
BUNDLE = "vega-bundle.js"
DRAWN = "chart-drawn"  # the event that tells book/_static of each chart: target, spec, view
VERSIONS = {
    "vega_version": alt.VEGA_VERSION,
    "vegalite_version": alt.VEGALITE_VERSION,
    "vegaembed_version": alt.VEGAEMBED_VERSION,
}
WANTED = re.compile(r'"(vega(?:-lite|-embed)?)": "[^"]*/\1@([^"?]+)\?noext"')
REMOTE = re.compile(r'<(?:script|img|iframe)\b[^>]*\bsrc="(?:https?:)?//[^"]*"')
STYLE = re.compile(r'<link\b[^>]*\brel="(?:stylesheet|preload)"[^>]*href="(?:https?:)?//[^"]*"')
logger = logging.getLogger(__name__)


def vega_bundle() -> str:
    """Return the script that defines vega, vegaLite and vegaEmbed, and their versions."""
    vegalite = ".".join(alt.VEGALITE_VERSION.split(".")[:2])
    known = vl_convert.get_vegalite_versions()
    if vegalite not in known:
        raise ValueError(
            f"vl-convert must carry Vega-Lite {vegalite} as altair does, got {', '.join(known)}; "
            "install the versions of constraints.txt"
        )
    snippet = (
        "window.vegaLite = vegaLite; window.vega = vega;\n"
        "window.vegaEmbed = (target, spec, options) =>\n"
        "  vegaEmbed(target, spec, options).then((result) => {\n"
        f"    const detail = {{ target, spec, view: result.view }};\n"
        f'    document.dispatchEvent(new CustomEvent("{DRAWN}", {{ detail }}));\n'
        "    return result;\n"
        "  });\n"
        f"window.VEGA_DEBUG = {json.dumps(VERSIONS)};\n"
    )
    bundle = vl_convert.javascript_bundle(snippet, vl_version=vegalite)
    return f"(() => {{\n{bundle}\n}})();\n"  # its names stay out of the page's own


def add_static_folders(app: Sphinx, config: Config) -> None:
    """Write the bundle, and let Sphinx copy it and MathJax among its static files."""
    made = Path(app.doctreedir).parent / ".offline"
    (made / "charts").mkdir(parents=True, exist_ok=True)
    (made / "charts" / BUNDLE).write_text(vega_bundle(), encoding="utf-8")
    (made / "mathjax").mkdir(exist_ok=True)
    for file in (HERE / "mathjax").iterdir():
        (made / "mathjax" / file.name).write_bytes(file.read_bytes())
    config.html_static_path.append(str(made))


def add_bundle(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Load the bundle on a page with a chart; warn of a chart that wants other versions."""
    body = context.get("body", "")
    wanted = {library.replace("-", ""): version for library, version in WANTED.findall(body)}
    if not wanted:
        return
    app.add_js_file(f"charts/{BUNDLE}")
    for library, version in wanted.items():
        here = VERSIONS[f"{library}_version"]
        if version != here:
            logger.warning(
                "%s: its charts want %s %s, got %s; make the page again with `make report`",
                page,
                library,
                version,
                here,
            )


def drop_thebe(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Leave out Thebe, which runs cells on a server: it comes twice, and from the network."""
    scripts = context.get("script_files", [])
    context["script_files"] = [
        script
        for script in scripts
        if "thebe" not in f"{script} {getattr(script, 'attributes', {}).get('body')}".lower()
    ]


def warn_of_remote_files(app: Sphinx, exception: Exception | None) -> None:
    """Warn of each script, style sheet or image that a page would load from elsewhere."""
    if exception is not None or app.builder.format != "html":
        return
    for page in sorted(Path(app.outdir).rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        for found in (*REMOTE.findall(text), *STYLE.findall(text)):
            logger.warning("%s loads from the network: %s", page.name, found[:200])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the steps."""
    app.connect("config-inited", add_static_folders)
    app.connect("html-page-context", add_bundle)
    app.connect("html-page-context", drop_thebe, priority=900)  # after all that add scripts
    app.connect("build-finished", warn_of_remote_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
