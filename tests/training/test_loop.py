"""The training loop: one step per item, with the rates of the schedule."""

import itertools

import pytest
import torch

from dlnlp.training.loop import CLIP, PEAK, cosine, groups, steps


def run(total=4, done=0, rates=(0.1,), factor=lambda done, progress: 1.0, scale=1.0):
    """A model, its optimizers, the batches that were taken, and the loop."""
    torch.manual_seed(0)
    model, taken = torch.nn.Linear(2, 1), []

    def batches():
        for number in itertools.count(done):
            taken.append(number)
            yield torch.full((3, 2), scale)

    optimizers = [
        torch.optim.SGD(groups([each], rate))
        for each, rate in zip((model.weight, model.bias), itertools.cycle(rates), strict=False)
    ]
    loop = steps(
        model,
        optimizers,
        batches(),
        lambda batch: model(batch).square().mean() * scale,
        factor,
        lambda done: done / total,
        done,
    )
    return model, optimizers, taken, loop


def test_an_item_is_one_step_of_one_batch():
    model, _, taken, loop = run()
    for number in range(1, 5):
        before = model.weight.detach().clone()
        step = next(loop)
        assert (step.done, step.progress, len(taken)) == (number, number / 4, number)
        assert not torch.equal(model.weight, before) and not step.loss.requires_grad
    assert next(loop, None) is None


def test_the_loss_falls():
    *_, loop = run(total=20)
    losses = [float(step.loss) for step in loop]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(("done", "made"), [(0, 4), (3, 1), (4, 0), (9, 0)])
def test_a_resumed_run_makes_the_steps_that_are_left(done, made):
    *_, loop = run(done=done)
    assert len(list(loop)) == made


def test_a_new_run_makes_a_step_even_if_its_time_is_over():
    *_, loop = run(total=1e-9)
    assert len(list(loop)) == 1


def test_rates_are_shares_of_each_groups_peak():
    _, optimizers, _, loop = run(rates=(0.1, 0.4), factor=lambda done, progress: cosine(progress))
    next(loop), next(loop), next(loop)
    for optimizer, peak in zip(optimizers, (0.1, 0.4), strict=True):
        [group] = optimizer.param_groups
        assert group[PEAK] == peak and group["lr"] == pytest.approx(peak / 2)


def test_gradients_are_clipped():
    model, _, _, loop = run(scale=1e4)
    next(loop)
    norm = torch.cat([each.grad.flatten() for each in model.parameters()]).norm()
    assert float(norm) == pytest.approx(CLIP, rel=1e-3)
