"""The tutorial's listings: each error happens as printed, and no longer when it is repaired."""

import pytest
import torch

from dlnlp import catalog
from dlnlp.learn import running
from dlnlp.learn.corrections import CORRECTIONS, listing, ours, repaired
from dlnlp.learn.running import run

ERRORS = [(stem, i) for stem, found in CORRECTIONS.items() for i in range(len(found))]
RAISED = {
    ("sentiment_lstm", 0): "ModuleNotFoundError: No module named 'torchtext'",
    ("sentiment_lstm", 3): "Error",
    ("char_seq2seq", 0): "RuntimeError: input.size(-1) must be equal to input_size",
    ("token_transformer", 0): "NameError: name 'd_model' is not defined",
}
every_listing = pytest.mark.parametrize("stem", CORRECTIONS)


@pytest.fixture(scope="module")
def repaired_runs():
    return {stem: run(stem, range(len(found))) for stem, found in CORRECTIONS.items()}


def test_every_chapter_has_a_listing():
    assert set(CORRECTIONS) == {entry.stem for entry in catalog.CATALOG}


@every_listing
def test_marked_lines_are_unique_and_ours_exist(stem):
    lines = [line.strip() for line in listing(stem).split("\n")]
    assert 15 <= len(lines) <= 55
    for error in CORRECTIONS[stem]:
        assert lines.count(error.line) == 1
        assert all(lines.count(old) == 1 for old, _ in error.edits)
        assert not error.here or error.here in ours(stem)


@pytest.mark.parametrize(("stem", "index"), ERRORS)
def test_an_error_shows_unless_it_is_repaired(repaired_runs, stem, index):
    others = [i for i in range(len(CORRECTIONS[stem])) if i != index]
    found = run(stem, others)
    if (stem, index) in RAISED:
        assert RAISED[stem, index] in found.error
        assert found.line
    else:
        assert not found.error
        assert found.faults[index]
    after = repaired_runs[stem]
    assert not after.error
    if CORRECTIONS[stem][index].edits:
        assert not after.faults[index]


def test_repaired_listings_answer_as_the_tutorial_wants(repaired_runs):
    last = {stem: found.printed.split("\n")[-2] for stem, found in repaired_runs.items()}
    assert float(last["sentiment_lstm"].removeprefix("This was fantastic: ")) > 0.5
    assert last["char_seq2seq"] == "hello: bonjour"
    assert last["token_transformer"] == "the cat sat on the mat"
    assert "accuracy" in last["sentiment_bert"]


def test_the_labels_of_bert_only_work_because_the_library_flattens_them():
    assert not run("sentiment_bert").error
    with pytest.raises((RuntimeError, ValueError)):
        torch.nn.functional.cross_entropy(torch.zeros(2, 2), torch.tensor([[1, 0]]))


def test_our_models_do_not_have_these_errors():
    lstm, seq2seq, transformer, _ = (entry.tiny() for entry in catalog.CATALOG)
    unknown = lstm.vocabulary.encode(["zorped"])[0]
    assert unknown != lstm.model.embedding.padding_idx
    alone, *_ = lstm.logits(["a film"])
    assert alone == pytest.approx(lstm.logits(["a film", "a much longer film"])[0], abs=1e-5)
    attention = seq2seq.force("hello", "bonjour").attention
    assert attention.sum(1) == pytest.approx(1.0, abs=1e-5)
    first = transformer.model.positions(torch.zeros(1, 2, 16))
    assert not torch.equal(first[0, 0], first[0, 1])
    rows = [transformer.model(torch.tensor([[5, 6, last]]))[0, 0] for last in (7, 8)]
    assert torch.equal(*rows)


def test_a_listing_that_takes_too_long_is_stopped(monkeypatch):
    monkeypatch.setattr(running, "repaired", lambda stem, repairs: "while True:\n    x = 1")
    found = run("sentiment_bert", seconds=0.2)
    assert "too long" in found.error


def test_other_repairs_are_refused():
    with pytest.raises(ValueError, match="corrections"):
        run("sentiment_lstm", [7])
    assert repaired("sentiment_lstm", []) == listing("sentiment_lstm")


def test_a_listing_prints_into_its_own_output_and_leaves_the_random_numbers(capsys):
    state = torch.random.get_rng_state()
    assert run("sentiment_bert").printed.count("epoch") == 3
    assert torch.equal(torch.random.get_rng_state(), state)
    assert capsys.readouterr().out == ""
