"""The chapters' models learn the tutorial's examples, and are saved as ordinary checkpoints."""

import dataclasses

import pytest
import torch

import dlnlp
from dlnlp import catalog, checkpoint
from dlnlp.training.char_seq2seq import as_read
from dlnlp.training.exercises import EXERCISES, exercise
from dlnlp.training.learner import Diverged, Learner
from dlnlp.training.progress import EARLY, FINISHED, Settings

SENTENCES = {
    "sentiment_lstm": {"This was fantastic": "positive", "The film was terrible": "negative"},
    "char_seq2seq": {"hello": "bonjour", "thanks": "merci"},
    "token_transformer": {
        "Once upon a time": "Once upon a time there was a little fox who wanted to see the sea."
    },
    "sentiment_bert": {"I enjoyed this film": "positive", "Terrible experience": "negative"},
}


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def learner(stem, rows=None, **changes):
    """A learner for the tutorial's examples, from the committed checkpoint or a tiny model."""
    found = exercise(stem)
    base = changes.pop("base", None) or catalog.record(stem).tiny()
    settings = dataclasses.replace(found.settings, **changes)
    return Learner(stem, found.checked(rows or found.examples), settings, base)


def trained(it):
    for _ in it.steps():
        pass
    it.finish()
    it.task.model.eval()
    return it


def test_a_pair_is_trained_as_the_translator_reads_it():
    assert as_read("hello", "bonjour") == [("Hello.", "Bonjour.")]
    assert as_read("I am here. You are there.", "Je suis ici. Tu es là.") == [
        ("I am here.", "Je suis ici."),
        ("You are there.", "Tu es là."),
    ]
    assert as_read("He ate.", "Il mangea. Tout.") == [("He ate.", "Il mangea. Tout.")]
    assert as_read("the summer", "l'e\u0301te\u0301") == [("The summer.", "L'\u00e9t\u00e9.")]


@pytest.mark.parametrize("stem", SENTENCES)
def test_the_tutorials_examples_are_learnt(stem, tmp_path):
    found = trained(learner(stem, base=dlnlp.load(stem, "cpu"), seed=1))
    assert found.end == FINISHED and len(found.losses) == found.total
    answers = {text: found.task.answer(text).text for text in SENTENCES[stem]}
    assert answers == SENTENCES[stem]
    found.save(tmp_path / "mine", 1.0)
    training = checkpoint.verify(tmp_path / "mine")
    assert training["stem"] == stem and training["data"]["rows"] == len(found.rows)
    loaded = dlnlp.load(str(tmp_path / "mine"), "cpu")
    assert type(loaded) is type(found.task.predictor)


def test_an_unknown_word_is_judged_by_its_trained_embedding():
    base = dlnlp.load("sentiment_lstm", "cpu")
    for seed in range(5):
        answer = trained(learner("sentiment_lstm", base=base, seed=seed)).task.answer
        assert answer("This was fantastic").text == "positive", seed
        assert answer("This was awful").text == "negative", seed
    scratch = trained(Learner("sentiment_lstm", exercise("sentiment_lstm").checked(
        exercise("sentiment_lstm").examples), Settings(epochs=30)))  # fmt: skip
    one, other = (scratch.task.answer(f"This was {word}") for word in ("fantastic", "awful"))
    assert one.probability == other.probability  # both words are unknown


def test_only_the_head_and_the_last_layer_of_bert_change():
    base = catalog.record("sentiment_bert").tiny()
    before = {k: v.clone() for k, v in base.model.state_dict().items()}
    after = trained(learner("sentiment_bert", base=base, epochs=3)).task.model.state_dict()
    changed = {key for key, value in before.items() if not torch.equal(value, after[key])}
    assert changed and all(
        key.startswith(("bert.encoder.layer.1.", "bert.pooler", "classifier")) for key in changed
    )
    assert all(torch.equal(v, base.model.state_dict()[k]) for k, v in before.items())


@pytest.mark.parametrize("stem", [each.stem for each in EXERCISES])
def test_the_same_seed_gives_the_same_model(stem):
    one, same, other = (
        trained(learner(stem, epochs=2, seed=seed)).losses[-1] for seed in (1, 1, 2)
    )
    assert one == same != other


def test_held_out_rows_are_evaluated_each_epoch_and_never_trained_on():
    rows = [[f"good film {i}", "1"] if i % 2 else [f"bad film {i}", "0"] for i in range(40)]
    found = learner("sentiment_lstm", rows, epochs=3)
    held = [found.task.examples[i] for i in found.held]
    assert len(held) == 4
    batches = found._batches()
    seen = [each for _ in range(found.per_epoch * 2) for each in next(batches)]
    assert len(seen) == 72 and not {id(each) for each in seen} & {id(each) for each in held}
    trained(found)
    assert [step for step, _, _ in found.held_out] == [3, 6, 9]


def test_early_stopping_returns_to_the_best_weights(monkeypatch, tmp_path):
    rows = [[f"good film {i}", "1"] if i % 2 else [f"bad film {i}", "0"] for i in range(40)]
    found = learner("sentiment_lstm", rows, epochs=50, patience=2)
    losses = iter([0.5, 0.4, 0.6, 0.7, 0.3])
    states = []

    def evaluate(examples):
        states.append(found.task.model.linear.weight.detach().clone())
        return next(losses), len(states) / 10

    monkeypatch.setattr(type(found.task), "evaluate", lambda task, examples: evaluate(examples))
    trained(found)
    assert found.end == EARLY and len(states) == 4
    assert torch.equal(found.task.model.linear.weight, states[1])
    found.save(tmp_path, 1.0)
    metrics = checkpoint.verify(tmp_path)["metrics"]
    assert (metrics["held_out_loss"], metrics["held_out_accuracy"]) == (0.4, 0.2)


def test_a_loss_that_is_no_number_says_so():
    found = learner("sentiment_lstm")
    with torch.no_grad():
        found.task.model.linear.bias.fill_(torch.nan)
    with pytest.raises(Diverged, match="lower learning rate"):
        next(found.steps())


def test_histograms_count_every_weight():
    found = learner("char_seq2seq", width=16)
    sizes = {name: each.numel() for name, each in found.task.model.named_parameters()}
    shown = found.histograms()
    assert shown and all(sum(each.counts) == sizes[each.name] for each in shown)
    assert all(each.low < each.high for each in shown)
