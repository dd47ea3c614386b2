from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dlnlp import checkpoint
from dlnlp.inference.calibration import TYPICAL, Calibration
from dlnlp.models.sentiment_bert import predictor as sentiment_bert
from dlnlp.models.sentiment_bert.predictor import windowed
from dlnlp.models.sentiment_lstm import predictor as sentiment_lstm
from dlnlp.models.sentiment_lstm.model import SentimentLSTM
from dlnlp.models.sentiment_lstm.predictor import collate


@pytest.mark.parametrize("pooling", ["last", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_state_after_padding_is_never_read(pooling: str, bidirectional: bool) -> None:
    torch.manual_seed(0)
    model = SentimentLSTM(20, 8, 8, pooling=pooling, bidirectional=bidirectional).eval()
    rows = [[3, 4, 5], [6, 7, 8, 9, 10, 11, 12]]
    with torch.inference_mode():
        together = model(*collate(rows))
        alone = torch.cat([model(*collate([row])) for row in rows])
    torch.testing.assert_close(together, alone)


def test_the_tutorials_model_is_the_default() -> None:
    model = SentimentLSTM(vocab_size=20, embed_dim=8, hidden_dim=6)
    assert not model.lstm.bidirectional and model.lstm.num_layers == 1
    assert model.linear.in_features == 6 and model.linear.out_features == 1
    with pytest.raises(ValueError, match="pooling"):
        SentimentLSTM(20, 8, 6, pooling="mean")


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
    assert cut and len(windows) == sentiment_bert.MAX_WINDOWS


@pytest.mark.parametrize("module", [sentiment_lstm, sentiment_bert])
def test_calibration_scales_and_shifts_logits_and_is_kept(module, tmp_path: Path) -> None:
    predictor, texts = module.tiny(), ["the film was good", "bad"]
    before = predictor.logits(texts)
    predictor.calibration = Calibration(temperature=0.5, shift=0.25)
    wanted = [(logit + 0.25) / 0.5 for logit in before]
    assert predictor.logits(texts) == pytest.approx(wanted, abs=1e-5)
    module.save(tmp_path, predictor, {})
    again = module.load(tmp_path, "cpu")
    assert again.calibration == predictor.calibration
    assert again.logits(texts) == pytest.approx(wanted, abs=1e-2)  # weights are kept in fp16


def test_a_long_texts_verdict_is_calibrated_by_its_length(tmp_path: Path) -> None:
    predictor, texts = sentiment_bert.tiny(), ["bad", "the film was good. " * 40]
    before, (short, long) = predictor.logits(texts), predictor.lengths(texts)
    assert (short, long) == (3, 202)
    predictor.calibration = Calibration(growth=0.5)
    wanted = [logit / (n / TYPICAL) ** 0.5 for logit, n in zip(before, (short, long), strict=True)]
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
    with pytest.raises(checkpoint.CheckpointError, match="does not fit"):
        sentiment_bert.load(tmp_path, "cpu")
