"""One table of facts: whoever repeats what pyproject.toml says must say the same."""

import re
import shlex

import pytest
import yaml
from project import HOLDER, INSTALL, REPOSITORY, ROOT, SITE, VERSION


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_citation():
    citation = yaml.safe_load(read("CITATION.cff"))
    assert citation["version"] == VERSION
    assert citation["repository-code"] == REPOSITORY
    assert citation["url"] == SITE
    assert citation["authors"] == [{"name": HOLDER}]


@pytest.mark.parametrize("name", ["LICENSE", "LICENSE-TEXT"])
def test_licence_names_the_holder(name):
    assert HOLDER in read(name)


def test_changelog_begins_with_this_version():
    assert re.search(r"^## (\S+)", read("CHANGELOG.md"), re.M).group(1) == VERSION


def test_package_version():
    from importlib.metadata import version

    assert version("bnnkit") == VERSION


def test_readme_installs_from_the_repository():
    readme = read("README.md")
    assert INSTALL in readme
    assert SITE in readme


@pytest.mark.parametrize(
    "path", [*(ROOT / "book").rglob("*.md"), *(ROOT / "book").glob("*.ipynb"), ROOT / "_config.yml"]
)
def test_pages_repeat_no_address(path):
    """Pages write {{ repository }}; the install cell is made by tools/notebooks.py."""
    text = path.read_text(encoding="utf-8").replace(INSTALL.replace('"', '\\"'), "")
    assert REPOSITORY not in text
    assert SITE not in text


def test_the_lock_satisfies_pyproject():
    """Each requirement of the package and of its tests is pinned, within its bounds."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name
    from project import PROJECT

    pins = {}
    for line in read("requirements.txt").splitlines():
        match = re.match(r"([\w.-]+)==([^\s;]+)", line)
        if match:
            pins.setdefault(canonicalize_name(match[1]), []).append(match[2])
    extras = dict(PROJECT["optional-dependencies"])
    extras.pop("peers")  # large, only to compare with: the tests do without
    for requirement in map(Requirement, sum(extras.values(), PROJECT["dependencies"])):
        if requirement.name != "bnnkit":
            versions = pins.get(canonicalize_name(requirement.name), [])
            assert versions, f"{requirement.name} is not in requirements.txt: make lock"
            assert all(requirement.specifier.contains(v) for v in versions), requirement


def test_mathjax_is_the_pinned_one():
    import hashlib
    import sys

    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    import offline_math

    script = (offline_math.mathjax_folder() / offline_math.SCRIPT).read_bytes()
    assert hashlib.sha256(script).hexdigest() == offline_math.SHA256
    assert b'VERSION="3.2.2"' in script


@pytest.mark.slow
@pytest.mark.parametrize("example", re.findall(r"```python\n(.*?)```", read("README.md"), re.S))
def test_the_examples_in_the_readme_print_what_they_say(example, capsys):
    """Integer training: the same digits on every machine."""
    expected = re.findall(r"print\(.*\)  # (.+)$", example, re.M)
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.slow
def test_the_commands_in_the_readme_succeed(tmp_path, monkeypatch):
    from bnnkit.cli import main

    monkeypatch.chdir(tmp_path)
    rows = [f"{a},{b},{'ripe' if a > b else 'green'}" for a in range(12) for b in range(12)]
    (tmp_path / "fruit.csv").write_text("\n".join(["red,hard,label", *rows]))
    (tmp_path / "new.csv").write_text("red,hard\n9,1\n1,9\n")
    commands = re.findall(r"^    python -m bnnkit (.+)$", read("README.md"), re.M)
    assert [command.split()[0] for command in commands] == ["train", "predict", "export"]
    for command in commands:
        assert main(shlex.split(command, comments=True)) == 0
    assert (tmp_path / "labels.csv").read_text().split() == ["label", "ripe", "green"]
