from __future__ import annotations

import numpy as np
import pytest

from dlnlp.sampling import filtered

LOG_PROBS = np.log(np.array([0.5, 0.3, 0.15, 0.05]))


def test_plain_settings_change_nothing() -> None:
    np.testing.assert_allclose(filtered(LOG_PROBS), np.exp(LOG_PROBS))


def test_temperature() -> None:
    assert filtered(LOG_PROBS, temperature=0).tolist() == [1, 0, 0, 0]
    sharp, flat = filtered(LOG_PROBS, 0.5), filtered(LOG_PROBS, 2.0)
    assert sharp[0] > 0.5 > flat[0]


def test_top_k_and_top_p_keep_the_best() -> None:
    np.testing.assert_allclose(filtered(LOG_PROBS, top_k=2), [0.625, 0.375, 0, 0])
    np.testing.assert_allclose(filtered(LOG_PROBS, top_p=0.7), [0.625, 0.375, 0, 0])
    assert filtered(LOG_PROBS, top_p=1e-9).tolist() == [1, 0, 0, 0]
    assert filtered(LOG_PROBS, top_k=99, top_p=1.0).tolist() == filtered(LOG_PROBS).tolist()


@pytest.mark.parametrize("setting", [{"temperature": -1}, {"top_k": 0}, {"top_p": 0.0}])
def test_a_setting_out_of_range_is_named(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        filtered(LOG_PROBS, **setting)  # type: ignore[arg-type]
