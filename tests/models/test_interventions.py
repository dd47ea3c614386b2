"""Interventions against plain recomputations without hooks, on tiny models with random weights."""

import copy
import threading

import numpy as np
import pytest
import torch

from dlnlp.inference.interventions import counterparts, head_factors, heads_scaled, read_heads
from dlnlp.inference.sampling import filtered
from dlnlp.models.char_seq2seq import predictor as char_seq2seq
from dlnlp.models.char_seq2seq.model import Memory
from dlnlp.models.sentiment_bert import predictor as sentiment_bert
from dlnlp.models.sentiment_bert.predictor import SentimentBertPredictor
from dlnlp.models.sentiment_lstm import predictor as sentiment_lstm
from dlnlp.models.sentiment_lstm.model import SentimentLSTM
from dlnlp.models.sentiment_lstm.predictor import SentimentLSTMPredictor
from dlnlp.models.token_transformer import predictor as token_transformer
from dlnlp.models.token_transformer.predictor import TokenTransformerPredictor
from dlnlp.text.vocabulary import Vocabulary

TEXT, OTHER = "the film was good", "the film was not bad"


def enlarged(predictor):
    """With larger weights; initial ones are so small that changes drown in rounding errors."""
    with torch.no_grad():
        for module in predictor.model.modules():
            if isinstance(module, torch.nn.Linear):
                module.weight *= 20
    return predictor


@pytest.fixture(scope="module")
def bert():
    return enlarged(sentiment_bert.tiny())


@pytest.fixture(scope="module")
def transformer():
    return enlarged(token_transformer.tiny())


@pytest.fixture(scope="module", params=[(1, "max", True), (2, "max", True), (1, "last", False)])
def lstm(request):
    layers, pooling, both = request.param
    torch.manual_seed(0)
    words = ["<pad>", "<unk>", "the", "film", "was", "good", "not", "bad"]
    options = {"num_layers": layers, "pooling": pooling, "bidirectional": both}
    return SentimentLSTMPredictor(SentimentLSTM(8, 6, 5, **options), Vocabulary(words))


def projections_of(predictor, model):
    if isinstance(predictor, SentimentBertPredictor):
        return [layer.attention.output.dense for layer in model.bert.encoder.layer]
    return [block.out for block in model.blocks]


def answer_of(predictor, text):
    """What ``measure`` says, computed by the predictor's other methods."""
    if isinstance(predictor, SentimentBertPredictor):
        return predictor.logits([text])[0]
    return predictor.distribution(text).log_probs


def without_heads(predictor, heads):
    """A copy of the predictor in which the heads' columns of the output projection are zero."""
    model = copy.deepcopy(predictor.model)
    for layer, head in heads:
        weight = projections_of(predictor, model)[layer].weight
        size = weight.shape[1] // 2
        with torch.no_grad():
            weight[:, head * size : (head + 1) * size] = 0
    if isinstance(predictor, SentimentBertPredictor):
        return SentimentBertPredictor(model, predictor.tokenizer, predictor.calibration)
    return TokenTransformerPredictor(model, predictor.tokenizer)


@pytest.mark.parametrize("name", ["bert", "transformer"])
class TestHeads:
    """Attention heads that are switched off."""

    def test_the_answer_is_that_of_a_model_whose_heads_write_nothing(self, name, request):
        predictor = request.getfixturevalue(name)
        found = predictor.heads_off(TEXT, ["1.2", "2.1"])
        ablated = without_heads(predictor, [(0, 1), (1, 0)])
        before, after = answer_of(predictor, TEXT), answer_of(ablated, TEXT)
        if name == "transformer":
            best = int(before.argmax())
            before, after = before[best], after[best]
            sums = found.before.sum(), found.after.sum()
            assert max(sums) < 1.001
        else:
            assert found.after[0] == pytest.approx(1 / (1 + np.exp(-after)), abs=1e-5)
        assert found.shift == pytest.approx(after - before, abs=1e-5)
        assert abs(found.shift) > 1e-2

    def test_each_effect_is_the_shift_without_that_head(self, name, request):
        predictor = request.getfixturevalue(name)
        found = predictor.head_effects(TEXT)
        for layer in range(2):
            for head in range(2):
                shift = predictor.heads_off(TEXT, [f"{layer + 1}.{head + 1}"]).shift
                assert found.effects[layer, head] == pytest.approx(shift, abs=1e-5)
        assert np.abs(found.effects).max() > 1e-2

    def test_no_head_off_changes_nothing(self, name, request):
        found = request.getfixturevalue(name).heads_off(TEXT, [])
        assert found.shift == 0
        assert (found.before == found.after).all()

    @pytest.mark.parametrize("head", ["3.1", "1.3", "0.1", "1", "", "a.b", "1.-1", "1.1.1"])
    def test_an_unknown_head_is_named(self, name, head, request):
        with pytest.raises(
            ValueError, match=r"not an attention head: write layer\.head, from 1\.1 to 2\.2"
        ):
            request.getfixturevalue(name).heads_off(TEXT, [head])


def test_the_factors_of_heads_move_to_the_models_device():
    layer = torch.nn.Linear(4, 4, device="meta")  # stands for a GPU
    with heads_scaled([layer], head_factors([(0, 1)], layers=1, heads=2)):
        assert layer(torch.zeros(1, 3, 4, device="meta")).shape == (1, 3, 4)


def test_other_threads_are_not_changed(transformer):
    blocks = transformer.model.blocks
    before, found = transformer.distribution(TEXT).log_probs, []
    with heads_scaled([block.out for block in blocks], [torch.zeros(1, 2)] * len(blocks)):
        changed = transformer.distribution(TEXT).log_probs
        thread = threading.Thread(target=lambda: found.append(transformer.distribution(TEXT)))
        thread.start()
        thread.join()
    assert np.array_equal(found[0].log_probs, before)
    assert not np.allclose(changed, before)
    assert np.array_equal(transformer.distribution(TEXT).log_probs, before)


# Patching


@torch.inference_mode()
def patched_by_hand(layers, embedded, theirs, layer, target, source):
    """The final states when one state before a layer is replaced, computed on its own."""
    states = embedded
    for index in range(len(layers) + 1):
        if index == layer:
            states = states.clone()
            states[0, target] = theirs[index][0, source]
        if index < len(layers):
            states = layers[index](states)
    return states


@torch.inference_mode()
def states_of(layers, embedded):
    found = [embedded]
    for layer in layers:
        found.append(layer(found[-1]))
    return found


@torch.inference_mode()
def test_patches_of_bert_are_those_made_one_by_one(bert):
    found = bert.patch(TEXT, "the film was bad")
    assert found.places == ("[CLS]", "the", "film", "was", "good", "[SEP]")
    assert found.sources == ("[CLS]", "the", "film", "was", "bad", "[SEP]")
    mine, theirs = (bert.tokenizer.encode(text).ids for text in (TEXT, "the film was bad"))
    layers = list(bert.model.bert.encoder.layer)
    embedded = [bert.model.bert.embeddings(torch.tensor([ids])) for ids in (mine, theirs)]
    others = states_of(layers, embedded[1])

    def logit(states):
        output = bert.model.classifier(bert.model.bert.pooler(states))[0]
        return float(output[1] - output[0])

    start, end = logit(states_of(layers, embedded[0])[-1]), logit(others[-1])
    assert (found.before, found.after) == pytest.approx((start, end), abs=1e-5)
    assert (start, end) == pytest.approx(bert.logits([TEXT, "the film was bad"]), abs=1e-5)
    for layer in range(3):
        for place in range(6):
            states = patched_by_hand(layers, embedded[0], others, layer, place, place)
            share = (logit(states) - start) / (end - start)
            assert found.moved[layer, place] == pytest.approx(share, abs=1e-3)
    assert found.moved[0, 4] == pytest.approx(1, abs=1e-4)
    assert found.moved[2, 0] == pytest.approx(1, abs=1e-4)


@torch.inference_mode()
def test_patches_of_the_transformer_are_those_made_one_by_one(transformer):
    model = transformer.model
    found = transformer.patch("abcd", "abxd")
    assert found.places == ("<|endoftext|>", "a", "b", "c", "d")
    ids = [transformer.tokens.encode(text) for text in ("abcd", "abxd")]
    embedded = [model.embedded(torch.tensor([each])) for each in ids]
    layers = list(model.blocks)
    others = states_of(layers, embedded[1])
    log_probs = [transformer.distribution(text).log_probs for text in ("abcd", "abxd")]
    change = np.exp(log_probs[1]) - np.exp(log_probs[0])
    gains, loses = int(change.argmax()), int(change.argmin())

    def odds(states):
        logits = model.logits(model.norm(states[0, -1]))
        return float(logits[gains] - logits[loses])

    start, end = (odds(states_of(layers, each)[-1]) for each in embedded)
    assert (found.before, found.after) == pytest.approx((start, end), abs=1e-5)
    for layer in range(3):
        for place in range(5):
            states = patched_by_hand(layers, embedded[0], others, layer, place, place)
            share = (odds(states) - start) / (end - start)
            assert found.moved[layer, place] == pytest.approx(share, abs=1e-3)
    assert found.moved[2, 4] == pytest.approx(1, abs=1e-4)
    assert not found.moved[:, :3].any()


@pytest.mark.parametrize("name", ["bert", "transformer"])
def test_the_same_text_moves_nothing(name, request):
    found = request.getfixturevalue(name).patch(TEXT, TEXT)
    assert found.before == pytest.approx(found.after)
    assert not found.moved.any()


def test_words_with_more_pieces_get_the_mean_state(bert):
    found = bert.patch("the xyz was good", "the film was good")  # "xyz" is three pieces
    assert found.places[2] == "xyz"
    assert found.sources[2] == "film"
    assert found.moved[0, 2] != 0


def test_long_texts_are_patched_at_every_second_layer(bert):
    text = " ".join(["good film"] * 15)
    found = bert.patch(text, text.replace("good", "bad"))
    assert found.rows == ("embeddings", "layer 2")
    assert found.moved[-1, 0] == pytest.approx(1, abs=1e-3)
    assert found.moved[0].any()


def test_counterparts_align_equal_tokens():
    assert counterparts(["a", "b", "c", "d"], ["a", "x", "c", "d"]) == [0, 1, 2, 3]
    assert counterparts(["a", "b", "c"], ["a", "c"]) == [0, None, 1]
    assert counterparts(["a", "c"], ["a", "b", "c"]) == [0, 2]
    assert counterparts([], ["a"]) == []


def test_heads_are_numbered_from_one():
    assert read_heads(["1.1", "6.12"], 6, 12) == [(0, 0), (5, 11)]


# LSTM


@torch.inference_mode()
def states_of_lstm(predictor, text):
    ids = predictor.vocabulary.encode(text.split())
    embedded = predictor.model.embedding(torch.tensor([ids]))
    output, _ = predictor.model.lstm(embedded)
    return embedded, output[0].numpy()


def test_gates_give_the_hidden_states_of_pytorch(lstm):
    found = lstm.gates(TEXT)
    _, expected = states_of_lstm(lstm, TEXT)
    assert found.tokens == tuple(TEXT.split())
    assert np.allclose(found.hidden, expected, atol=1e-6)
    assert np.allclose(found.hidden, found.output_gate * np.tanh(found.cell), atol=1e-6)
    for gate in (found.input_gate, found.forget_gate, found.output_gate):
        assert ((gate > 0) & (gate < 1)).all()
    assert found.forward == 5


@torch.inference_mode()
def test_the_last_cell_state_is_that_of_pytorch(lstm):
    embedded, _ = states_of_lstm(lstm, TEXT)
    _, (_, cells) = lstm.model.lstm(embedded)
    assert np.allclose(lstm.gates(TEXT).cell[-1, :5], cells[-lstm.model.directions, 0], atol=1e-6)


def test_a_unit_off_is_a_unit_whose_weights_are_zero(lstm):
    found = lstm.units_off(TEXT, ["2", "4"])
    model, last = copy.deepcopy(lstm.model), lstm.model.config.num_layers - 1
    with torch.no_grad():
        for unit in (1, 3):
            getattr(model.lstm, f"weight_hh_l{last}")[:, unit] = 0
            model.linear.weight[:, unit] = 0
    expected = SentimentLSTMPredictor(model, lstm.vocabulary).logits([TEXT])[0]
    assert found.shift == pytest.approx(expected - lstm.logits([TEXT])[0], abs=1e-5)
    assert abs(found.shift) > 1e-4


@pytest.mark.parametrize("unit", ["0", "17", "x", "-1", ""])
def test_an_unknown_unit_is_named(unit):
    with pytest.raises(ValueError, match="is not a unit: write a number from 1 to 16"):
        sentiment_lstm.tiny().units_off(TEXT, [unit])


@pytest.mark.parametrize("lstm", [(1, "max", True), (1, "last", False)], indirect=True)
@torch.inference_mode()
def test_patches_of_the_lstm_are_those_of_pytorch_from_the_other_state(lstm):
    """Run ``nn.LSTM`` on the rest of the text from the other text's state."""
    model, other = lstm.model, "not bad was good"
    found = lstm.patch(TEXT, other)
    mine, states = states_of_lstm(lstm, TEXT)
    theirs, _ = states_of_lstm(lstm, other)
    aligned = counterparts(TEXT.split(), other.split())
    start, end = lstm.logits([TEXT, other])
    for place, source in enumerate(aligned):
        if source is None:
            assert found.moved[0, place] == 0
            continue
        size = model.directions
        _, (hidden, cell) = model.lstm(theirs[:, : source + 1])
        changed = torch.tensor(states)[None].clone()
        changed[0, place, :5] = hidden[0, 0]
        if place + 1 < len(aligned):
            initial = [
                torch.cat([each[:1], torch.zeros_like(each[:1])][:size]) for each in (hidden, cell)
            ]
            rest, _ = model.lstm(mine[:, place + 1 :], tuple(initial))
            changed[0, place + 1 :, :5] = rest[0, :, :5]
        value = float(model.linear(model.pooled(changed)))
        share = (value - start) / (end - start)
        assert found.moved[0, place] == pytest.approx(share, abs=1e-3)
    assert found.moved[0].any()


@pytest.mark.parametrize("lstm", [(2, "max", True), (2, "last", False)], indirect=True)
@torch.inference_mode()
def test_two_layers_are_patched_like_the_last_one_alone(lstm):
    """Make an LSTM of the last layer, whose embeddings are the states of the first."""
    model, texts = lstm.model, ("the film was", "good not bad")
    size = model.directions
    first = torch.nn.LSTM(6, 5, batch_first=True, bidirectional=size == 2)
    last = SentimentLSTM(8, 5 * size, 5, bidirectional=size == 2, pooling=model.config.pooling)
    for name, weight in model.lstm.named_parameters():
        for layer, only in (("l0", first), ("l1", last.lstm)):
            if layer in name:
                getattr(only, name.replace(layer, "l0")).copy_(weight)
    last.linear.load_state_dict(model.linear.state_dict())
    for text in texts:
        ids = torch.tensor(lstm.vocabulary.encode(text.split()))
        last.embedding.weight[ids] = first(model.embedding(ids)[None])[0][0]
    alone = SentimentLSTMPredictor(last, lstm.vocabulary).patch(*texts)
    found = lstm.patch(*texts)
    assert (found.before, found.after) == pytest.approx((alone.before, alone.after), abs=1e-5)
    assert np.allclose(found.moved, alone.moved, atol=1e-3) and found.moved.any(axis=1).all()


def test_the_backward_direction_is_the_forward_one_of_the_reversed_text():
    predictor = sentiment_lstm.tiny()
    model = copy.deepcopy(predictor.model)
    half = model.lstm.hidden_size
    with torch.no_grad():
        for kind in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
            forward, backward = getattr(model.lstm, kind), getattr(model.lstm, f"{kind}_reverse")
            forward.data, backward.data = backward.data.clone(), forward.data.clone()
        weight = model.linear.weight
        weight.data = torch.cat((weight[:, half:], weight[:, :half]), dim=1)
    mirrored = SentimentLSTMPredictor(model, predictor.vocabulary)
    found = predictor.patch("good film bad", "good film was")
    other = mirrored.patch("bad film good", "was film good")
    assert np.allclose(found.moved[1], other.moved[0, ::-1], atol=1e-4)


# The other views


def test_uniform_attention_is_attention_to_states_that_are_all_their_mean():
    check_fixed("uniform", lambda states: states.mean(1, keepdim=True).expand_as(states))


def test_attention_to_the_last_character_is_attention_to_states_that_are_all_the_last():
    check_fixed("last", lambda states: states[:, -1:].expand_as(states))


def check_fixed(pattern, change):
    """Attention to equal states gives the same context, whatever the weights are."""
    predictor = char_seq2seq.tiny()
    found = predictor.fixed_attention("hello", pattern)
    encode = predictor._memory

    def memory(sentences):
        had = encode(sentences)
        return Memory(change(had.states), had.keys, had.mask, had.first, had.second)

    predictor._memory = memory
    expected = predictor.translate(["hello"])[0]
    assert found.text == expected.text
    assert found.score == pytest.approx(expected.score, abs=1e-4)
    assert found.score != pytest.approx(char_seq2seq.tiny().translate(["hello"])[0].score, abs=1e-4)


def test_diagonal_attention_advances_with_the_translation():
    found = char_seq2seq.tiny().fixed_attention("hello you", "diagonal", beam_size=1)
    weights = np.asarray(found.attention)
    assert len(weights) > 1
    for row, each in enumerate(weights):
        assert each.argmax() == min(row, 8)


def test_an_unknown_pattern_is_named():
    with pytest.raises(ValueError, match="one of uniform, last, diagonal, not 'x'"):
        char_seq2seq.tiny().fixed_attention("hello", "x")


def test_sampling_steps_are_those_of_the_filters(transformer):
    found = transformer.sampling_steps("ab", temperature=0.5, top_k=4, top_p=0.9, k=6)
    log_probs = transformer.distribution("ab").log_probs.astype(np.float64)
    best = np.argsort(-log_probs, kind="stable")[:6]
    assert np.allclose(found.scaled, log_probs[best] / 0.5)
    weights = np.exp(log_probs / 0.5)
    assert np.allclose(found.softmax, (weights / weights.sum())[best])
    assert np.allclose(found.after_top_k[:4], (weights[best[:4]] / weights[best[:4]].sum()))
    assert not found.after_top_k[4:].any()
    assert np.allclose(found.after_top_p, filtered(log_probs, 0.5, 4, 0.9)[best])
    assert found.kept == np.count_nonzero(found.after_top_p)


def test_temperature_0_leaves_one_token(transformer):
    found = transformer.sampling_steps("ab", temperature=0)
    assert found.softmax.tolist() == [1, *[0] * 11]
    assert found.kept == 1


def test_head_steps_give_the_attention_and_output_of_the_model(transformer):
    weights = transformer.attention("hello").weights
    inputs = []
    block = transformer.model.blocks[1]
    handle = block.out.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    transformer.attention("hello")
    handle.remove()
    for token in (3, 6):
        found = transformer.head_steps("hello", layer=2, head=2, token=token)
        assert np.allclose(found.weights, weights[1, 1, token - 1, :token], atol=1e-5)
        assert np.allclose(found.scores, found.products / 8**0.5, atol=1e-5)
        assert np.allclose(found.output, inputs[0][0, token - 1, 8:], atol=1e-5)
    assert transformer.head_steps("hello", 2, 2).tokens == ("<|endoftext|>", *"hello")
    assert transformer.head_steps("hello", 2, 2, 4).later == ("l", "o")


@pytest.mark.parametrize("arguments", [(3, 1, 0), (1, 3, 0), (0, 1, 0), (1, 1, 7)])
def test_steps_of_an_unknown_head_or_token_are_refused(transformer, arguments):
    with pytest.raises(ValueError, match="must be a whole number"):
        transformer.head_steps("hello", *arguments)


@pytest.mark.parametrize("text", ["", " a", "the thé", "ab cd  ef", "naïve 😀"])
def test_merges_end_with_the_tokens(text):
    merges = [("t", "h"), ("th", "e"), ("Ġ", "th"), ("Ã", "©"), ("a", "b"), ("Ġ", "c")]
    tokenizer = token_transformer.byte_tokenizer(merges)
    predictor = TokenTransformerPredictor(token_transformer.tiny().model, tokenizer)
    found = predictor.merges(text)
    tokens = [predictor.tokens.texts[i] for i in tokenizer.encode(text).ids]
    assert list(found.steps[-1]) == tokens
    assert len(found.steps[0]) == len(text.encode())
    assert list(found.ranks) == sorted(found.ranks)


def test_merges_show_each_step():
    tokenizer = token_transformer.byte_tokenizer([("t", "h"), ("th", "e")])
    found = TokenTransformerPredictor(token_transformer.tiny().model, tokenizer).merges("thet")
    assert found.steps == (("t", "h", "e", "t"), ("th", "e", "t"), ("the", "t"))
    assert found.ranks == (0, 1)


def test_the_probes_of_words_average_to_that_of_the_text(bert):
    found = bert.layer_words(TEXT)
    assert found.names == ("[CLS]", "the", "film", "was", "good", "[SEP]")
    assert found.positive == pytest.approx(bert.layers(TEXT), abs=1e-5)
    logits = np.log(found.words / (1 - found.words)).mean(-1)
    assert logits == pytest.approx(np.log(found.positive / (1 - found.positive)), abs=1e-4)


@pytest.mark.parametrize("module", [sentiment_bert, sentiment_lstm])
def test_deletion_curves_delete_the_words_in_the_order_of_their_scores(module):
    predictor = module.tiny()
    text = "the film was not good but bad"
    found = predictor.deletion_curves(text)
    assert found.deleted == tuple(range(8))
    assert found.methods == ("integrated_gradients", "leave_one_out")
    [whole, nothing] = predictor.logits([text, ""])
    assert np.allclose(found.curves[:, 0], whole, atol=1e-5)
    assert np.allclose(found.curves[:, -1], nothing, atol=1e-5)
    scores = predictor.explain(text, "leave_one_out").scores * (1 if whole > 0 else -1)
    kept = " ".join(w for i, w in enumerate(text.split()) if i != int(scores.argmax()))
    assert found.curves[1, 1] == pytest.approx(predictor.logits([kept])[0], abs=1e-5)
    assert not np.allclose(found.random, found.curves[0], atol=1e-6)
