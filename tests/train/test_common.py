"""Dropout, and whose turn it is in an epoch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from train import common
from train.common import QuickDropout, fewest, taking_turns


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_quick_dropout_drops_its_share_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    y = QuickDropout(p)(torch.ones(400, 500))
    dropped = (y == 0).float().mean().item()
    assert dropped == pytest.approx(p, abs=0.005)
    assert y.mean().item() == pytest.approx(1, abs=0.005)
    assert y.unique().numel() == 2


def test_quick_dropout_is_seeded_by_torch() -> None:
    x, layer = torch.randn(7, 11, 13), QuickDropout(0.3)
    torch.manual_seed(3)
    first, second = layer(x), layer(x)
    torch.manual_seed(3)
    assert layer(x).equal(first)
    assert not first.equal(second)


def test_quick_dropout_passes_gradients_where_it_keeps() -> None:
    x = torch.randn(20, 30, requires_grad=True)
    y = QuickDropout(0.25)(x)
    y.sum().backward()
    assert x.grad is not None
    assert (x.grad == 0).equal(y == 0)
    torch.testing.assert_close(x.grad[y != 0], torch.full_like(x.grad[y != 0], 4 / 3))


def test_quickened_dropouts_are_silent_in_eval_mode() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    before = model.state_dict()
    common.quicken(model)
    assert [type(m) for m in model.modules()].count(QuickDropout) == 2
    assert model.state_dict().keys() == before.keys()
    x = torch.randn(5, 4)
    assert model.eval()(x).equal(model[0](x))
    assert not model.train()(x).equal(model[0](x))
    still = QuickDropout(0.0).train()
    assert still(x) is x


def test_every_row_has_its_turn() -> None:
    parts = [(10, 1.0), (7, 0.35), (2, 1 / 3), (5, 0.5)]
    epochs = [taking_turns(parts, epoch) for epoch in range(6)]
    seen = [row for rows in epochs for row in rows]
    counts = [seen.count(row) for row in range(24)]
    assert counts == [6] * 10 + [2] * 7 + [2] * 2 + [3] * 5
    assert all(len(set(rows)) == len(rows) for rows in epochs)
    assert fewest(parts) == min(map(len, epochs)) == 10 + 2 + 0 + 2


@pytest.mark.parametrize(
    ("arguments", "recorded"),
    [
        ([], ""),
        (["--data-dir", "/home/me/data"], "--data-dir data"),
        (["--data-dir=/home/me/data"], "--data-dir data"),
        (["--data-di", "/home/me/data"], "--data-dir data"),
        (["--keep", "/home/me/runs/teacher"], "--keep teacher"),
        (["--keep=../runs/teacher"], "--keep teacher"),
        (["--keep", "~/teacher"], "--keep teacher"),
        (["--out", "runs/a", "--lr", "1e-4", "--smoke"], "--lr 0.0001 --out runs/a --smoke"),
        (["--base", "org/bert-base"], "--base org/bert-base"),
        (["--base", "/home/me/bert base"], "--base 'bert base'"),
    ],
)
def test_the_recorded_command_has_no_path_of_this_machine(
    arguments: list[str], recorded: str
) -> None:
    parser = common.parser("some_script", "", epochs=1, batch_size=8, lr=1e-3)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--base", default="bert-base-uncased")
    args = parser.parse_args(arguments)
    assert args.command == f"python -m train.some_script {recorded}".strip()
