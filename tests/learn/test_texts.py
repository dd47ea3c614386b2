"""The chapters' texts: their form, their numbers, and formulas."""

import json
import re

import pytest

from dlnlp import catalog, checkpoint
from dlnlp.learn.facts import facts, in_french
from dlnlp.learn.formulas import mathml
from dlnlp.learn.texts import _FORMULA, UNKNOWN, guide, html, parsed, placeholders
from dlnlp.ui import theme

STEMS = [entry.stem for entry in catalog.CATALOG]
MOST = {"en": 90, "fr": 110}  # words of a step
in_both_languages = pytest.mark.parametrize(
    ("stem", "language"), [(stem, language) for stem in STEMS for language in MOST]
)
NAMES = ("SST-2",)  # names with digits
# Numbers that a change of the model's sizes could make wrong must be placeholders, too.
NUMBERS = re.compile(
    r"\d|\b(four|five|six|seven|eight|nine|ten|eleven|twelve|sixteen|hundreds?|thousands?|millions?|"
    r"quatre|cinq|sept|huit|neuf|dix|onze|douze|seize|cents?|mille|milliers?)\b"
)
GENERAL = (
    "a sentence of ten words",
    "every four cases",
    "trois fois sur quatre",
    "une phrase de dix mots",
    "quatre-vingts",
)  # true of any model
EXAMPLE = """# Steps

## One

Some `code` and {size} <b>.

Picture: embedding
Live: gates | The gates

# Questions

## Why?

Look.

Try: this | text = a = b; temperature = 0.2; open = gates; press = continue
Answer: *Because*.
"""


def prose(text):
    """The text without formulas, placeholders and names."""
    text = re.sub(r"\{\w+\}", "", _FORMULA.sub(" ", text))
    for name in (*NAMES, *GENERAL):
        text = text.replace(name, "")
    return text


def passages(stem, language="en"):
    found = guide(stem, language)
    yield from ((step.title, step.text) for step in found.steps)
    for question in found.questions:
        yield question.title, question.text
        yield question.title, question.answer


@in_both_languages
def test_a_chapter_has_six_to_eight_steps_of_40_to_90_words_and_three_questions(stem, language):
    found = guide(stem, language)
    assert 6 <= len(found.steps) <= 8
    assert len(found.questions) == 3
    lengths = {step.title: len(_FORMULA.sub(" ", step.text).split()) for step in found.steps}
    assert {title: n for title, n in lengths.items() if not 40 <= n <= MOST[language]} == {}


@in_both_languages
def test_no_number_is_typed_and_every_placeholder_is_known(stem, language):
    known = facts(checkpoint.ROOT / stem)
    for title, text in passages(stem, language):
        assert not NUMBERS.findall(prose(text)), title
        assert set(placeholders(text)) <= set(known), title
        assert UNKNOWN not in html(text, known), title


@in_both_languages
def test_without_a_checkpoint_the_numbers_are_unknown_but_the_text_is_there(
    stem, language, tmp_path
):
    assert facts(tmp_path / stem) == {}
    shown = "".join(html(step.text, {}) for step in guide(stem, language).steps)
    assert UNKNOWN in shown and "<p>" in shown


@pytest.mark.parametrize("stem", STEMS)
def test_the_french_text_says_the_same(stem):
    english, french = guide(stem), guide(stem, "fr")
    entries = json.loads((theme.LOCALES / "fr.json").read_text(encoding="utf-8"))
    for one, other in zip(english.steps, french.steps, strict=True):
        assert (one.picture, one.live) == (other.picture, other.live)
    for one, other in zip(english.questions, french.questions, strict=True):
        assert one.trials == other.trials
    pairs = zip(passages(stem), passages(stem, "fr"), strict=True)
    for (title, text), (titre, texte) in pairs:
        assert titre == entries.get(title, titre)  # the page translates titles by these entries
        assert titre != title or title in entries
        assert sorted(placeholders(text)) == sorted(placeholders(texte)), title
        assert _FORMULA.findall(text) == _FORMULA.findall(texte), title
        code = re.compile("`[^`]+`")
        assert set(code.findall(text)) == set(code.findall(texte)), title
        assert not re.search(r"(?<=[^\n]) [:;?!»%]|« |\w'\w", _FORMULA.sub("", texte)), title


def test_numbers_are_written_in_french():
    known = {"size": "8,192", "share": "85.6", "base": "bert-base, v1.5"}
    assert in_french(known) == {**known, "size": "8\u202f192", "share": "85,6"}


def test_a_text_is_read_into_steps_and_questions():
    found = parsed(EXAMPLE)
    [step], [question] = found.steps, found.questions
    assert (step.title, step.picture, step.live.panel) == ("One", "embedding", "gates")
    [trial] = question.trials
    assert trial.values == {"text": "a = b", "temperature": "0.2"}
    assert (trial.label, trial.opens, trial.press) == ("this", ("gates",), "continue")
    assert question.answer == "*Because*."


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (EXAMPLE.replace("# Questions", "Questions"), "headings"),
        (EXAMPLE.replace("Picture:", "Image:"), "Picture"),
        (EXAMPLE.replace("Answer:", ""), "Answer"),
        (EXAMPLE.replace("press = continue", "press"), "name = value"),
    ],
)
def test_a_text_with_a_mistake_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        parsed(wrong)


def test_prose_is_escaped_and_filled():
    shown = html(parsed(EXAMPLE).steps[0].text, {"size": "<7>"})
    assert shown == "<p>Some <code>code</code> and &lt;7&gt; &lt;b&gt;.</p>"


def test_formulas_become_mathml():
    assert "<msub><mi>x</mi><mrow><mi>t</mi><mo>-</mo><mn>1</mn></mrow></msub>" in mathml("x_{t-1}")
    assert "<mfrac><mrow><mn>1</mn></mrow><msqrt><mi>d</mi></msqrt></mfrac>" in mathml(
        r"\frac{1}\sqrt{d}".replace(r"\sqrt{d}", r"\sqrt d")
    )
    assert '<mi mathvariant="normal">softmax</mi>' in mathml(r"\mathrm{softmax}(x)")
    assert "<msubsup>" in mathml("x_i^2")
    assert "<script" not in mathml("<script>")


@pytest.mark.parametrize("wrong", [r"\unknown", "x_{t", "x}", "x^"])
def test_a_wrong_formula_is_refused(wrong):
    with pytest.raises(ValueError):
        mathml(wrong)
