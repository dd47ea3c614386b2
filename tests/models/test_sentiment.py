from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from dlnlp import checkpoint
from dlnlp.inference.batching import pad_rows
from dlnlp.inference.calibration import TYPICAL, Calibration
from dlnlp.inference.deadline import DeadlineExceeded, deadline
from dlnlp.models.sentiment_bert import model as bert_model
from dlnlp.models.sentiment_bert import predictor as sentiment_bert
from dlnlp.models.sentiment_bert import probes
from dlnlp.models.sentiment_bert.forward import TorchForward
from dlnlp.models.sentiment_bert.tokenizer import tiny_tokenizer
from dlnlp.models.sentiment_bert.windows import MAX_WINDOWS, first_window, windowed
from dlnlp.models.sentiment_lstm import model as lstm_model
from dlnlp.models.sentiment_lstm import predictor as sentiment_lstm
from dlnlp.models.sentiment_lstm.model import SentimentLSTM
from dlnlp.text.words import basic_english

TEXTS = ["The film wasn't good", "loved", "", "great, not bad . " * 9, "a \U0001f600 b"]


@pytest.mark.parametrize("pooling", ["last", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_state_after_padding_is_never_read(pooling: str, bidirectional: bool) -> None:
    torch.manual_seed(0)
    model = SentimentLSTM(20, 8, 8, pooling=pooling, bidirectional=bidirectional).eval()
    rows = [[3, 4, 5], [6, 7, 8, 9, 10, 11, 12]]
    with torch.inference_mode():
        together = model(*pad_rows(rows))
        alone = torch.cat([model(*pad_rows([row])) for row in rows])
    torch.testing.assert_close(together, alone)


def test_the_tutorials_model_is_the_default() -> None:
    torch.manual_seed(0)
    model = SentimentLSTM(vocab_size=20, embed_dim=8, hidden_dim=6).eval()
    assert [name for name, _ in model.named_parameters()] == [
        "embedding.weight",
        *(f"lstm.{kind}_l0" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")),
        "linear.weight",
        "linear.bias",
    ]
    tokens = torch.tensor([[3, 4, 5]])
    _, (last, _) = model.lstm(model.embedding(tokens))
    torch.testing.assert_close(model(tokens, torch.tensor([3])), model.linear(last[-1]).squeeze(-1))


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="pooling"):
        SentimentLSTM(20, 8, 6, pooling="mean")
    with pytest.raises(TypeError, match="layers"):
        SentimentLSTM(20, 8, 6, layers=2)


def test_the_lstms_predictor_agrees_with_the_plain_classify() -> None:
    predictor = sentiment_lstm.tiny()
    rows = [predictor.vocabulary.encode(basic_english(text)) or [1] for text in TEXTS]
    expected = lstm_model.classify(predictor.model, rows)
    assert [s.positive for s in predictor.classify(TEXTS)] == pytest.approx(expected, abs=1e-5)


def test_berts_predictor_agrees_with_the_plain_classify() -> None:
    predictor = sentiment_bert.tiny()
    rows = [sentiment_bert.encode(predictor.tokenizer, text) for text in TEXTS]
    assert max(map(len, rows)) <= predictor.max_length
    expected = bert_model.classify(predictor.model, rows)
    assert [s.positive for s in predictor.classify(TEXTS)] == pytest.approx(expected, abs=1e-5)
    # Two labels, so the sigmoid of the difference is the softmax.
    logits = predictor.model(torch.tensor(rows[:1])).logits
    assert expected[0] == pytest.approx(float(logits.softmax(-1)[0, 1].detach()), abs=1e-6)


def test_an_engine_computes_the_logits_in_place_of_pytorch() -> None:
    plain = sentiment_bert.tiny()
    forward, asked = TorchForward(lambda: plain.model), []

    def engine(batches):
        asked.extend(len(ids) for ids, _ in batches)
        return [-rows for rows in forward(batches)]

    engine.batch_tokens = 30
    opposite = sentiment_bert.SentimentBertPredictor(
        plain.model, plain.tokenizer, plain.calibration, plain.probes, engine
    )
    expected = [-logit for logit in plain.logits(TEXTS)]
    assert opposite.logits(TEXTS) == pytest.approx(expected, abs=1e-5)
    assert len(asked) > 1 and sum(asked) == len(TEXTS)


def test_berts_config_leaves_out_the_calibration() -> None:
    assert {field.name for field in fields(Calibration)} == set(bert_model.CALIBRATION)


def test_attention_weights_are_those_of_the_librarys_eager_attention() -> None:
    predictor = sentiment_bert.tiny()
    found = predictor.attention("a great film")
    assert found.tokens == ("[CLS]", "a", "great", "film", "[SEP]")
    eager = bert_model.build(predictor.model.config.to_dict())
    eager.set_attn_implementation("eager")
    eager.load_state_dict(predictor.model.state_dict())
    ids = torch.tensor([predictor.tokenizer.encode("a great film").ids])
    with torch.inference_mode():
        expected = torch.cat(eager.eval().bert(ids, output_attentions=True).attentions)
    assert found.weights == pytest.approx(expected.numpy(), abs=1e-6)


def test_attention_stays_on_the_models_device() -> None:
    predictor = sentiment_bert.tiny()
    expected = predictor.attention("a great film").weights
    with torch.device("meta"):  # where a module made on the way would land
        assert (predictor.attention("a great film").weights == expected).all()
    moved = predictor.model.to("meta")
    weights = bert_model.attention_weights(moved, torch.tensor([[2, 5, 6, 3]], device="meta"))
    assert weights.device.type == "meta" and weights.shape == (2, 2, 4, 4)


def test_only_cuda_turns_cudnn_off() -> None:
    assert torch.backends.cudnn.enabled
    with sentiment_lstm.differentiable_rnn(torch.device("cpu")):
        assert torch.backends.cudnn.enabled and not sentiment_lstm._CUDNN_FLAG.locked()
    with sentiment_lstm.differentiable_rnn(torch.device("cuda", 0)):
        assert not torch.backends.cudnn.enabled and sentiment_lstm._CUDNN_FLAG.locked()
    assert torch.backends.cudnn.enabled and not sentiment_lstm._CUDNN_FLAG.locked()


@pytest.mark.parametrize(
    ("module", "verb"),
    [
        (sentiment_lstm, "classify"),
        (sentiment_lstm, "logits"),
        (sentiment_lstm, "trace"),
        (sentiment_bert, "classify"),
        (sentiment_bert, "logits"),
    ],
)
def test_a_deadline_is_checked_between_batches(module, verb: str, monkeypatch) -> None:
    predictor, batches = module.tiny(), []

    def slow(*_: object) -> None:
        batches.append(1)
        time.sleep(0.06)

    predictor.model.register_forward_hook(slow)
    monkeypatch.setattr(sentiment_lstm, "BATCH_WORDS", 4)
    monkeypatch.setattr(TorchForward, "batch_tokens", 4)
    argument = "the film was good" if verb == "trace" else TEXTS
    with deadline(0.05), pytest.raises(DeadlineExceeded):
        getattr(predictor, verb)(argument)
    assert len(batches) == 1


@pytest.mark.parametrize("module", [sentiment_lstm, sentiment_bert])
def test_both_spellings_get_the_same_answer(module: object) -> None:
    predictor = module.tiny()  # type: ignore[attr-defined]
    one, other = predictor.classify(
        ["Great Movie!!! It's not bad", "great movie ! ! ! it 's not bad"]
    )
    assert one.positive == other.positive


def test_windows_cover_everything_in_nearly_equal_parts() -> None:
    for length in (10, 64, 65, 100, 200, 391, 392):
        ids = [2, *range(100, 100 + length - 2), 3]
        windows, cut = windowed(ids, 64)
        assert not cut
        assert all(len(w) <= 64 and w[0] == 2 and w[-1] == 3 for w in windows)
        assert {token for w in windows for token in w[1:-1]} == set(ids[1:-1])
    windows, cut = windowed([2, *range(100, 5000), 3], 64)
    assert cut and len(windows) == MAX_WINDOWS


def test_the_first_window_ends_like_the_text() -> None:
    assert first_window([2, 5, 6, 3], 4) == ([2, 5, 6, 3], False)
    ids = [2, *range(10, 90), 3]
    assert first_window(ids, 64) == (windowed(ids, 64)[0][0], True)
    assert first_window(["[CLS]", "a", "b", "[SEP]"], 3) == (["[CLS]", "a", "[SEP]"], True)


@pytest.mark.parametrize("module", [sentiment_lstm, sentiment_bert])
def test_calibration_scales_and_shifts_logits_and_is_kept(module, tmp_path: Path) -> None:
    predictor, texts = module.tiny(), ["the film was good", "bad"]
    before = predictor.logits(texts)
    predictor.calibration = Calibration(temperature=0.5, shift=0.25)
    wanted = [logit / 0.5 + 0.25 for logit in before]
    assert predictor.logits(texts) == pytest.approx(wanted, abs=1e-5)
    module.save(tmp_path, predictor, {})
    again = module.load(tmp_path, "cpu")
    assert again.calibration == predictor.calibration
    assert again.logits(texts) == pytest.approx(wanted, abs=1e-2)  # weights are kept in fp16


def test_a_long_texts_verdict_is_calibrated_by_its_length(tmp_path: Path) -> None:
    predictor, texts = sentiment_bert.tiny(), ["bad", "the film was good. " * 40]
    before, (short, long) = predictor.logits(texts), predictor.lengths(texts)
    assert (short, long) == (3, 202)
    predictor.calibration = Calibration(shift=0.25, growth=0.5)
    wanted = [
        logit / (n / TYPICAL) ** 0.5 + 0.25 for logit, n in zip(before, (short, long), strict=True)
    ]
    assert predictor.logits(texts) == pytest.approx(wanted, abs=1e-5)
    whole = predictor.explain("the film was good").scores.sum()
    predictor.calibration = Calibration()
    assert whole == pytest.approx(
        predictor.explain("the film was good").scores.sum() / (6 / TYPICAL) ** 0.5, abs=1e-4
    )
    predictor.calibration = Calibration(growth=0.5)
    sentiment_bert.save(tmp_path, predictor, {})
    assert sentiment_bert.load(tmp_path, "cpu").calibration == predictor.calibration


def test_a_trace_is_the_verdict_on_every_prefix() -> None:
    predictor = sentiment_lstm.tiny()
    found = predictor.trace("The film isn't good, but great!")
    assert found.words == ("The", "film", "isn't", "good", ",", "but", "great", "!")
    prefixes = ["The", "The film", "The film isn't", "The film isn't good"]
    expected = [result.positive for result in predictor.classify(prefixes)]
    assert found.positive[:4] == pytest.approx(expected, abs=1e-5)
    [whole] = predictor.classify(["The film isn't good, but great!"])
    assert found.positive[-1] == pytest.approx(whole.positive, abs=1e-5)
    assert found.hidden.shape == (8, 16) and found.forward == 8
    # What is read forwards does not know the last word yet, what is read backwards does.
    other = predictor.trace("The film isn't good, but great film").hidden
    assert np.allclose(found.hidden[:-1, :8], other[:-1, :8], atol=1e-6)
    assert not np.allclose(found.hidden[:-1, 8:], other[:-1, 8:], atol=1e-4)


@pytest.mark.parametrize("start", ["", "a"])
def test_a_long_text_may_be_cut_within_a_korean_syllable(start: str) -> None:
    tiny = sentiment_bert.tiny()
    tokenizer = tiny_tokenizer(["a", "\u1100", "##\u1161"])  # the two letters of a syllable
    predictor = sentiment_bert.SentimentBertPredictor(tiny.model, tokenizer)
    found = predictor.explain(start + " \uac00" * predictor.max_length)
    most = (predictor.max_length - 2 - len(start)) // 2
    assert found.truncated and found.words.count("\uac00") == most


def test_a_long_text_is_traced_at_64_words() -> None:
    found = sentiment_lstm.tiny().trace("good film . " * 300)
    assert len(found.positive) == 64 and found.truncated
    assert found.ends[0] == 0 and found.ends[-1] == len(found.words) - 1
    assert sentiment_lstm.tiny().trace(" ").words == ()


def test_every_layer_has_a_verdict_on_any_text() -> None:
    predictor = sentiment_bert.tiny()
    for text in ("the film was great", "", "\U0001f600", "a film . " * 300):
        found = predictor.layers(text)
        assert len(found) == predictor.model.config.num_hidden_layers + 1
        assert all(0 < positive < 1 for positive in found)
    with pytest.raises(TypeError):
        predictor.layers(["a film"])  # type: ignore[arg-type]


def test_of_a_long_text_the_layers_read_the_beginning() -> None:
    predictor = sentiment_bert.tiny()
    begin = "the great film was not bad . " * 20
    assert predictor.layers(begin + "terrible " * 9) == predictor.layers(begin + "loved " * 9)
    assert predictor.layers("terrible") != predictor.layers("loved")


def test_saved_and_loaded_the_layers_say_the_same(tmp_path: Path) -> None:
    predictor = sentiment_bert.tiny()
    text = "the film was good"
    sentiment_bert.save(tmp_path / "one", predictor, {})
    one = sentiment_bert.load(tmp_path / "one", "cpu")
    sentiment_bert.save(tmp_path / "other", one, {})
    other = sentiment_bert.load(tmp_path / "other", "cpu")
    assert one.layers(text) == other.layers(text)
    assert one.layers(text) == pytest.approx(predictor.layers(text), abs=0.01)


def test_probes_of_another_shape_are_refused() -> None:
    content = probes.dumps(sentiment_bert.tiny().probes)
    assert probes.loads(content, {"num_hidden_layers": 2, "hidden_size": 16})
    with pytest.raises(ValueError, match="shape"):
        probes.loads(content, {"num_hidden_layers": 5, "hidden_size": 16})


@pytest.mark.parametrize("content", [None, "{}", "no json"])
def test_a_checkpoint_with_bad_probes_is_refused(tmp_path: Path, content: str | None) -> None:
    sentiment_bert.save(tmp_path, sentiment_bert.tiny(), {})
    training = checkpoint.verify(tmp_path)
    if content is None:
        (tmp_path / sentiment_bert.PROBES).unlink()
        del training["files"][sentiment_bert.PROBES]
    else:
        (tmp_path / sentiment_bert.PROBES).write_text(content)
        training["files"][sentiment_bert.PROBES] = checkpoint.sha256(
            tmp_path / sentiment_bert.PROBES
        )
    checkpoint.write_json(tmp_path / checkpoint.TRAINING, training)
    with pytest.raises(checkpoint.CheckpointError, match=r"not compatible|does not match"):
        sentiment_bert.load(tmp_path, "cpu")
