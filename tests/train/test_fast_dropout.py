from __future__ import annotations

import pytest
import torch
from torch import nn

from train.fast_dropout import FastDropout, use_fast_dropout


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_fast_dropout_drops_its_share_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    y = FastDropout(p)(torch.ones(400, 500))
    dropped = (y == 0).float().mean().item()
    assert dropped == pytest.approx(p, abs=0.005)
    assert y.mean().item() == pytest.approx(1, abs=0.005)
    assert y.unique().numel() == 2


def test_fast_dropout_is_seeded_by_torch() -> None:
    x, layer = torch.randn(7, 11, 13), FastDropout(0.3)
    torch.manual_seed(3)
    first, second = layer(x), layer(x)
    torch.manual_seed(3)
    assert layer(x).equal(first)
    assert not first.equal(second)


def test_fast_dropout_passes_gradients_where_it_keeps() -> None:
    x = torch.randn(20, 30, requires_grad=True)
    y = FastDropout(0.25)(x)
    y.sum().backward()
    assert x.grad is not None
    assert (x.grad == 0).equal(y == 0)
    torch.testing.assert_close(x.grad[y != 0], torch.full_like(x.grad[y != 0], 4 / 3))


def test_replaced_dropouts_are_silent_in_eval_mode() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    before = model.state_dict()
    use_fast_dropout(model)
    assert [type(m) for m in model.modules()].count(FastDropout) == 2
    assert model.state_dict().keys() == before.keys()
    x = torch.randn(5, 4)
    assert model.eval()(x).equal(model[0](x))
    assert not model.train()(x).equal(model[0](x))
    still = FastDropout(0.0).train()
    assert still(x) is x
