"""The exercises themselves: each is tested as its reader will test it."""

import inspect
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bnnkit import learn, steps
from bnnkit.learn import exercises, face, judge, memory, sandbox
from bnnkit.learn.model import Build, Explore, WarmUp
from bnnkit.learn.page import slips, with_marks_filled

LISTED = exercises.all_exercises()
ROOT = Path(__file__).resolve().parent.parent
BUILDS = [e for e in LISTED if isinstance(e, Build)]
VALUES = [e for e in LISTED if not isinstance(e, Build)]
WRONG = [(e, i) for e in LISTED for i in range(len(e.wrong))]


def name(value):
    return value.id if hasattr(value, "id") else str(value)


@pytest.fixture(autouse=True)
def fresh_reader(tmp_path, monkeypatch):
    monkeypatch.setenv("BNNKIT_HOME", str(tmp_path))
    face._passed.clear()


def right_answer(e):
    if isinstance(e, Build):
        return e.solution
    return e.answer if isinstance(e, WarmUp) else (e.low + e.high) / 2


@pytest.mark.parametrize("e", LISTED, ids=name)
def test_the_solution_passes(e):
    assert learn.check(e.id, right_answer(e)), learn.check(e.id, right_answer(e))


@pytest.mark.parametrize("e", BUILDS, ids=name)
def test_the_package_function_passes(e):
    result = learn.check(e.id, e.reference)
    assert result, result


@pytest.mark.parametrize("e", BUILDS, ids=name)
def test_the_untouched_stub_fails_and_says_so(e):
    scope = {}
    exec(learn.stub(e.id), scope)
    result = learn.check(e.id, scope[e.solution.__name__])
    assert not result and result.good == 0 and "still the stub" in result.says


@pytest.mark.parametrize("e, i", WRONG, ids=name)
def test_every_wrong_answer_fails_with_its_own_words(e, i):
    wrong = e.wrong[i]
    answer = sum(wrong.answer) / 2 if isinstance(e, Explore) else wrong.answer
    result = learn.check(e.id, answer)
    assert not result
    assert result.says == wrong.says, result


@pytest.mark.parametrize("e", LISTED, ids=name)
def test_at_least_three_wrong_answers_each_with_other_words(e):
    words = [wrong.says for wrong in e.wrong]
    assert len(words) >= 3 and len(set(words)) == len(words)


@pytest.mark.parametrize("e", BUILDS, ids=name)
def test_the_stub_has_the_signature_of_the_step(e):
    def parameters(function):
        listed = inspect.signature(function).parameters.values()
        return [(p.name, p.default, p.kind) for p in listed]

    assert parameters(e.solution) == parameters(e.reference)


@pytest.mark.parametrize("e", BUILDS, ids=name)
def test_solution_and_stub_come_from_one_source(e):
    solution, stub = e.source.splitlines(), e.stub.splitlines()
    blank = ("# your lines here", "raise NotImplementedError")
    kept = [line for line in stub if line.strip() not in blank]
    assert all(line in solution for line in kept) and len(kept) < len(solution)
    assert "begin solution" not in e.source + e.stub


@pytest.mark.parametrize("e", BUILDS, ids=name)
def test_a_solution_stands_alone_with_numpy(e):
    scope = {"np": np}
    exec(e.source, scope)
    assert learn.check(e.id, scope[e.solution.__name__])


@pytest.mark.parametrize("e", BUILDS, ids=name)
def test_cases_are_the_same_each_time_and_grow(e):
    first, second = list(e.cases()), list(e.cases())
    assert repr([c.given for c in first if "rng" not in c.given]) == repr(
        [c.given for c in second if "rng" not in c.given]
    )
    sizes = [sum(getattr(v, "size", 1) for v in c.given.values()) for c in first]
    assert sizes[0] == min(sizes) and sizes[0] <= 10


@pytest.mark.parametrize("e", BUILDS, ids=name)
def test_the_other_guard_judges_alike(e, monkeypatch):
    fork = sandbox.run
    monkeypatch.setattr(sandbox, "run", lambda f, c, s: fork(f, c, s, guard="trace"))
    assert judge.judge(e, e.solution)
    assert judge.judge(e, e.wrong[0].answer).says == e.wrong[0].says


@pytest.mark.parametrize("e", LISTED, ids=name)
def test_every_exercise_is_complete(e):
    assert len(e.hints) == 3 and len(set(e.hints)) == 3
    for text in (e.title, e.prompt, e.why, *e.hints, *(w.says for w in e.wrong)):
        assert text == text.strip() and len(text) > 3 and "  " not in text
    assert e.kind in ("warm-up", "build", "explore")
    if isinstance(e, WarmUp):
        right = [value for value, _, ok in e.options if ok]
        assert right == [e.answer] and len(e.options) == len(e.wrong) + 1


def test_every_chapter_has_its_set():
    kinds = {(e.chapter, e.kind) for e in LISTED}
    for chapter in exercises.CHAPTERS:
        assert {(chapter, "warm-up"), (chapter, "build"), (chapter, "explore")} <= kinds
        assert sum(e.chapter == chapter for e in LISTED) >= 6
    assert max(Counter(e.id for e in LISTED).values()) == 1
    assert [e.id for e in LISTED if e.chapter == 1][:3] == ["1.a", "1.b", "1.c"]


def hidden(network):
    return [layer.H.copy() for layer in network.layers]


def test_a_reader_who_built_every_rung_trains_the_same_networks():
    """The capstone: all the solutions in use, and the bits of the weights are those of bnnkit."""
    from bnnkit.bep import BEPNetwork
    from bnnkit.philox import Stream, random_signs
    from bnnkit.recurrent import BEPRecurrentNetwork

    X = random_signs(0, Stream.DATA, (60, 9))
    y = (X[:, 0] > 0).astype(int)

    def train():
        mlp = BEPNetwork([9, 15, 15], 2, seed=3, nu=0.25, groups=[5, 5])
        rnn = BEPRecurrentNetwork(3, 2, state=15, seed=3, nu=0.25, groups=(5, 5))
        mlp.fit(X, y, epochs=2, batch_size=20)
        rnn.fit(X.reshape(60, 3, 3), y, epochs=2, batch_size=20)
        return hidden(mlp) + hidden(rnn)

    plain = train()
    for e in BUILDS:
        assert learn.check(e.id, e.solution)
    parts = [e for e in BUILDS if e.serves]
    with learn.using() as ladder:
        assert repr(ladder).startswith(f"{len(parts)} of {len(parts)} parts are yours")
        own = train()
        ran = {number for number, *_, calls in learn.yours().rows if calls}
        assert {"1.1", "4.3", "4.5", "5.1", "5.2", "5.3", "5.4"} <= ran
    assert all(np.array_equal(a, b) for a, b in zip(plain, own, strict=True))


@pytest.mark.slow
def test_the_capstone_runs_on_the_parts_a_reader_has_built():
    pytest.importorskip("aeon", reason="needs aeon's bundled series")
    assert "None of it is yours yet" in repr(learn.capstone(epochs=2))
    for e in BUILDS:
        assert learn.check(e.id, e.solution)
    whole = learn.capstone()
    assert whole.equal and steps.overridden() == []
    assert whole.accuracies["BEP through time"] > 85
    idle = [number for number, _, mine, calls in whole.ladder.rows if not (mine and calls)]
    assert idle == ["3.3", "3.4"]  # the reader's own vote (4.3) does their work
    assert "ran 154 times" in repr(whole) and "ran 154 times" in whole._repr_html_()


def test_a_build_serves_where_the_network_has_a_step():
    for e in BUILDS:
        if e.serves:
            assert e.reference is steps.reference(e.id)
        else:
            with pytest.raises(ValueError, match="number must be one of the steps"):
                steps.reference(e.id)
            assert all(case.wanted is not None for case in e.cases())  # not from the solution
            with pytest.raises(ValueError, match="a tool beside the network"):
                learn.use(e.id)


def test_the_rows_for_the_command_line():
    rows = learn.list_exercises()
    assert len(rows) == len(LISTED)
    assert rows[3] == {
        "id": "1.1", "chapter": 1, "kind": "build", "wrong_answers": 5, "title": "The sign",
    }  # fmt: skip


def test_every_chapter_has_two_warm_ups_or_more_in_the_page():
    for chapter in exercises.CHAPTERS:
        quiz = learn.warm_ups(chapter)
        assert len(quiz.questions) >= 2
        for asked, e in zip(quiz.questions, exercises.of_chapter(chapter).values(), strict=False):
            assert asked["id"] == e.id and len(asked["hints"]) == 3
            assert [option["right"] for option in asked["options"]].count(True) == 1
            assert all(option["says"] for option in asked["options"])
            start = asked.get("start", asked["options"])
            assert not learn.check(e.id, start)  # nobody is done before having begun
    forms = {e.form for e in VALUES if isinstance(e, WarmUp)}
    assert forms == {"number", "choice", "bits", "order"}


@pytest.mark.parametrize("e", [e for e in VALUES if isinstance(e, WarmUp)], ids=name)
def test_a_warm_up_says_how_to_answer_in_a_notebook(e):
    shown = e._repr_markdown_()
    assert shown.endswith(e.how) and e.how.startswith("Answer with")
    if e.form == "choice":
        assert all(repr(value) in e.how for value, _, _ in e.options)
    if e.form == "order":
        assert all(repr(step) in e.how for step in e.answer) and repr(e.answer) not in e.how


def test_the_page_of_the_site_has_a_widget_for_each_warm_up():
    page = with_marks_filled(learn.exercises_page())
    warm_ups = [e for e in VALUES if isinstance(e, WarmUp)]
    assert page.count("<btl-quiz ") == len(warm_ups) and page.count("<btl-progress-map ") == 1
    assert "<!--" not in page


def test_the_page_of_the_site_does_not_tell_what_its_builder_has_done():
    page = with_marks_filled(learn.exercises_page())
    memory.add(["1.1", "1.b"])
    assert with_marks_filled(learn.exercises_page()) == page


def test_the_teaching_guide_knows_a_slip_for_each_build():
    guide = (ROOT / "book" / "teaching.md").read_text(encoding="utf-8")
    assert "<!-- slips -->" in guide and slips() in with_marks_filled(guide)
    assert all(f"{e.id} {e.title}" in slips() for e in BUILDS)


def test_the_page_is_current():
    page = ROOT / "book" / "exercises.md"
    made = learn.exercises_page()
    assert page.read_text(encoding="utf-8") == made  # else write exercises_page() to the file
    for e in LISTED:
        assert f"### {e.id} · {e.title}" in made
