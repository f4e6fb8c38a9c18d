"""Every number in the book's prose is what the book computes, or what a cited table says."""

import re

import pytest
import text
from project import CHAPTERS

PASSAGES = text.passages()
CLAIMS = text.claims()
SPANS = [
    (passage, kind, name, quoted)
    for passage in PASSAGES
    for kind, name, quoted in text.SPAN.findall(passage.text)
]


def of_kind(kind):
    found = [(p, name, quoted) for p, k, name, quoted in SPANS if k == kind]
    return pytest.mark.parametrize(
        ("passage", "name", "quoted"),
        found,
        ids=[f"{p.where}: {name or quoted}" for p, name, quoted in found],
    )


@of_kind("claim")
def test_a_claim_agrees_with_what_the_chapter_computes(passage, name, quoted):
    _, printed = text.quoted_claim(CLAIMS, passage.file, name)
    wrong = [text.disagreement(quoted, claim) for claim in printed]
    assert "" in wrong, f"{passage.where}: {name}: {'; '.join(wrong)}"


@of_kind("cited")
def test_a_cited_number_agrees_with_its_table(passage, name, quoted):
    assert name in text.PUBLISHED, f"{passage.where}: {name!r} is not in book/published.toml"
    entry = text.PUBLISHED[name]
    wrong = text.disagreement(quoted, ("=", str(entry["value"])))
    assert not wrong, f"{passage.where}: {name}: {wrong}"
    keys = {key.strip() for match in text.CITE.findall(passage.text) for key in match.split(",")}
    needed = f"{passage.where}: {name} needs {{cite}}`{entry['cite']}` beside it"
    assert entry["cite"] in keys, needed


# Made from bnnkit.learn, word for word what a terminal prints: no spans there.
GENERATED = {"exercises.md"}
WRITTEN = [passage for passage in PASSAGES if passage.where not in GENERATED]


@pytest.mark.parametrize("passage", WRITTEN, ids=lambda passage: passage.where)
def test_no_bare_percentage_or_factor(passage):
    found = text.bare_quantities(passage.text)
    assert not found, (
        f"{passage.where}: {found}. Tie each to a value: <span data-claim=...>, "
        "<span data-cited=...>, or <span data-given>...</span> for a setting or a definition"
    )


@pytest.mark.parametrize("passage", WRITTEN, ids=lambda passage: passage.where)
def test_no_line_is_lost_as_a_comment(passage):
    """MyST takes a line that starts with % for a comment and leaves it out."""
    prose = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", passage.text, flags=re.S | re.M)
    lost = [line for line in prose.splitlines() if line.lstrip().startswith("%")]
    assert not lost, f"{passage.where}: {lost}. Begin the line with another word"


def test_each_claim_is_quoted():
    printed = {(file, name) for file in CLAIMS for name in CLAIMS[file]}
    quoted = {
        (text.quoted_claim(CLAIMS, passage.file, name)[0], name)
        for passage, kind, name, _ in SPANS
        if kind == "claim"
    }
    assert printed <= quoted, f"claims that no text quotes: {sorted(printed - quoted)}"


def test_published_numbers_have_their_source():
    bibliography = (text.BOOK / "references.bib").read_text(encoding="utf-8")
    keys = set(re.findall(r"^@\w+\{([^,]+),", bibliography, re.M))
    for name, entry in text.PUBLISHED.items():
        assert set(entry) == {"value", "cite", "where"}, name
        assert entry["cite"] in keys, f"{name}: {entry['cite']} is not in references.bib"


def test_every_citation_has_an_entry():
    bibliography = (text.BOOK / "references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{([^,]+),", bibliography, re.M)
    assert len(keys) == len(set(keys))
    for passage in PASSAGES:
        for match in text.CITE.findall(passage.text):
            for key in match.split(","):
                assert key.strip() in keys, f"{passage.where}: {key.strip()}"


# The checks themselves can fail: each of these must be caught.


@pytest.mark.parametrize(
    ("quoted", "claim", "agrees"),
    [
        ("92.3", ("=", "92.3"), True),
        ("92", ("=", "92.3"), True),
        ("92.4", ("=", "92.3"), False),
        ("92.31", ("=", "92.3"), False),
        (".798", ("=", "0.798"), True),
        ("−3", ("=", "-3"), True),
        ("3", ("=", "-3"), False),
        ("1,797", ("=", "1797"), True),
        ("1 to 2", ("=", "1"), False),
        ("over 95", (">", "95"), True),
        ("95", (">", "95"), False),
        ("under 95", (">", "95"), False),
        ("over 94", (">", "95"), False),
        ("less than 2.5", ("<", "2.5"), True),
        ("True", ("=", "True"), True),
        ("False", ("=", "True"), False),
    ],
)
def test_disagreement(quoted, claim, agrees):
    assert (text.disagreement(quoted, claim) == "") is agrees


@pytest.mark.parametrize(
    ("prose", "found"),
    [
        ("It gets 92.3 % of them.", 1),
        ("It gets 92.3% and 94 %.", 2),
        ("It is 32× faster, 20 times.", 2),
        ("about 58x smaller", 1),
        ("up 2 points", 1),
        ("errs on 6–8 %", 1),
        ("an image of 8 × 8 pixels, 784×1024", 0),
        ("`92 %` and $92\\,\\%$", 0),
        ("```python\nx = 92 % 5\n```", 0),
        ("```{note}\nIt gets 92 %.\n```", 1),
        ('<span data-claim="x">92 %</span> and <span data-given>50 %</span>', 0),
        ("exercises 1.x and 2.x", 0),
        ("three times over, chapter 4 points out", 1),
    ],
)
def test_bare_quantities(prose, found):
    assert len(text.bare_quantities(prose)) == found


def test_chapters_make_claims():
    for path in CHAPTERS:
        assert text.claims([path])[path.name], f"{path.name} claims nothing"
