"""The book's own Sphinx extension: its facts, its look, its widgets and its API pages.

Facts (addresses, version, copyright holder) come from pyproject.toml. Nothing that this extension
adds, and nothing that it leaves in, is loaded from another host.
"""

import hashlib
import importlib
import os
import pkgutil
import re
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import project

HOME = TemporaryDirectory(prefix="bnnkit-")
WIDGET_STYLE = "btl-widgets.css"
WIDGET = re.compile(r"<btl-([\w-]+)")
BACK_LINK = re.compile(r'(<a class="viewcode-back" href="[^"#]*#)([^"]*)(">.*?</a>)')
PARAMETER = re.compile(r"(\*{0,2}\w[\w, *]*) : (.+)")
TYPE = re.compile(
    r"(?:array|\w+ array|ndarray|int|integer|float|number|bool|str|string|callable|sequence|list|"
    r"tuple|dict|path|generator|[A-Z]\w+|\(|\{|\"|None\b)"
)
MADE_FROM_EXERCISES = ("book/exercises", "book/teaching")
# Methods that scikit-learn puts into every estimator; its texts refer to pages of its own site.
GIVEN_BY_SKLEARN = "set_fit_request, set_partial_fit_request, set_score_request"
BESIDE_A_FACE = ["bnnkit.viz.plots"]  # public, though the package above it has a face
API_MARK = "<!-- every module of the package -->"
MENDED = {
    '<th class="head"><p></p></th>': "<td></td>",
    '<div role="status" style="': '<div role="status" tabindex="0" style="',
    'role="doc-biblioentry"': 'role="listitem"',  # what it is called has left the standard
}


def configure(app, config):
    """Put the project's facts into the configuration, before the theme reads it."""
    config.project = config.html_title
    config.author = project.HOLDER
    config.copyright = f"{date.today().year}, {project.HOLDER}"
    config.version = config.release = project.VERSION
    config.html_baseurl = project.SITE
    config.html_theme_options |= {
        "repository_url": project.REPOSITORY,
        "repository_branch": "main",
        "path_to_docs": "",
        "use_repository_button": True,
        "use_issues_button": True,
        "extra_footer": f"bnnkit {project.VERSION}. Code BSD-3-Clause, text and figures CC BY 4.0.",
    }
    config.myst_substitutions = {
        "install": project.INSTALL,
        "repository": project.REPOSITORY,
        "version": project.VERSION,
    }
    os.environ.setdefault("BNNKIT_HOME", HOME.name)  # the builder's own progress stays untouched
    os.environ["BNNKIT_WIDGETS"] = "html"  # the kernels that build the pages make the site's body
    if os.environ.get("BTL_DRAFT"):  # `make draft`
        config.nb_execution_mode = "cache"


def add_widgets(app, pagename, templatename, context, doctree):
    """Write the one script of the widgets that a page holds, and load it with their style."""
    from bnnkit import viz

    names = tuple(sorted({n.replace("-", "_") for n in WIDGET.findall(context.get("body", ""))}))
    if not names or app.builder.format != "html":
        return
    script = viz.site_script(names)
    digest = hashlib.sha256(script.encode()).hexdigest()[:12]
    static = Path(app.outdir) / "_static"
    static.mkdir(parents=True, exist_ok=True)
    (static / f"btl-{digest}.js").write_text(script, encoding="utf-8")
    (static / WIDGET_STYLE).write_text(viz.site_style(), encoding="utf-8")
    app.add_js_file(f"btl-{digest}.js", loading_method="defer")
    app.add_css_file(WIDGET_STYLE)


def drop_scripts(app, pagename, templatename, context, doctree):
    """Leave out what JB adds and the site does not use, and let the page be painted first.

    Thebe (unused here, and its constant is written twice, which is a syntax error) and the state
    of ipywidgets (the site shows each widget's HTML body instead) go. Files are deferred; they
    still run in their order. What sets the options of one of them waits until it has run.
    """
    scripts = [s for s in context["script_files"] if not _unwanted(s)]
    if pagename != "search":  # its own scripts do not wait
        scripts = list(map(_waiting, scripts))
    context["script_files"] = scripts


def _waiting(script):
    """Return a copy of a script, which all pages share, that waits until the page is there."""
    attributes = dict(script.attributes)
    if body := attributes.get("body"):
        if body.startswith("DOCUMENTATION_OPTIONS"):
            attributes["body"] = f'addEventListener("DOMContentLoaded", () => {{ {body} }});'
    else:
        attributes["defer"] = "defer"
    return type(script)(script.filename, priority=script.priority, **attributes)


def mend_body(app, pagename, templatename, context, doctree):
    """An empty heading of a table is no heading; a wide result can be scrolled by keyboard."""
    for given, mended in MENDED.items():
        if "body" in context:
            context["body"] = context["body"].replace(given, mended)


def _unwanted(script):
    attributes = getattr(script, "attributes", {})
    words = [str(getattr(script, "filename", script)), attributes.get("body") or ""]
    kind = attributes.get("type", "")
    return any("thebe" in word.lower() for word in words) or "jupyter.widget" in kind


def mend_source_links(app, pagename, templatename, context, doctree):
    """Lead the links of a source listing to where the documentation really lies.

    viewcode links each object by the module that defines it; we document it where it is used from.
    """
    if not pagename.startswith("_modules/"):
        return
    known = app.env.get_domain("py").objects

    def mended(link):
        entry = known.get(link[2])
        return f"{link[1]}{entry.node_id}{link[3]}" if entry else ""

    context["body"] = BACK_LINK.sub(mended, context["body"])


def list_modules(app, docname, source):
    """Write a section for each public module of the package into the API page."""
    if API_MARK in source[0]:
        sections = map(_section, sorted([*_public_modules("bnnkit"), *BESIDE_A_FACE]))
        source[0] = source[0].replace(API_MARK, "\n".join(sections))


def _section(name):
    """One module: its members, and the classes that it imports when first asked for them."""
    module = importlib.import_module(name)
    options = f"   :members:\n   :exclude-members: {GIVEN_BY_SKLEARN}\n"
    late = sorted(set(dir(module)) - set(vars(module)))
    directives = [f".. automodule:: {name}\n", *(f".. autoclass:: {name}.{k}\n" for k in late)]
    body = "\n".join(directive + options for directive in directives)
    return f"## {name}\n\n```{{eval-rst}}\n{body}```\n"


def fill_marks(app, docname, source):
    """Put what is made from the exercises (warm-ups, map, slips) where a page asks for it."""
    if docname in MADE_FROM_EXERCISES:
        from bnnkit.learn.page import with_marks_filled

        source[0] = with_marks_filled(source[0])


def _public_modules(package):
    """Yield the modules to document: a package with ``__all__`` is the face of all below it."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if module.name.rpartition(".")[2].startswith("_"):
            continue
        yield module.name
        if module.ispkg and not hasattr(importlib.import_module(module.name), "__all__"):
            yield from _public_modules(module.name)


def read_house_style(app, what, name, obj, options, lines):
    """Make a docstring of ours one that napoleon reads as it is meant.

    Prose or a doctest that follows a section after a blank line ends that section; napoleon would
    take it for one more parameter. What follows ``name :`` is a description unless it begins like a
    type.
    """
    closed, section, example = [], False, False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:  # |H| is a size, not a substitution
            line = re.sub(r"(``.*?``)|\|(?=\S)", lambda m: m.group(1) or r"\|", line)
        underlined = i + 1 < len(lines) and set(lines[i + 1].strip()) == {"-"}
        if underlined:
            section = line.strip() in {"Parameters", "Attributes", "Returns", "Raises", "Yields"}
        elif section and not lines[i - 1].strip() and line[:1].strip() and " : " not in line:
            title = "Examples" if line.startswith(">>>") else "Notes"
            closed += [title, "-" * len(title)]
            section = False
        match = PARAMETER.match(line)
        if section and match and not TYPE.match(match[2]):
            closed.append(match[1])
            line = "    " + match[2]
        closed.append(line)
    lines[:] = closed


def setup(app):
    app.connect("config-inited", configure, priority=100)
    app.connect("source-read", list_modules)
    app.connect("source-read", fill_marks)
    app.connect("autodoc-process-docstring", read_house_style, priority=100)
    app.connect("html-page-context", mend_source_links)
    app.connect("html-page-context", mend_body)
    app.connect("html-page-context", add_widgets, priority=800)
    app.connect("html-page-context", drop_scripts, priority=900)
    app.add_css_file("btl.css", priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
