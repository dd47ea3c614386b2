"""Untrained models, which tests and demos without checkpoints use."""

from concurrent.futures import ThreadPoolExecutor

import torch

from dlnlp import catalog
from dlnlp.registry import Registry


def test_untrained_models_loaded_at_the_same_time_have_the_same_weights():
    def load(stem):
        return {name: value.clone() for name, value in weights(Registry(untrained=True).get(stem))}

    stems = [entry.stem for entry in catalog.CATALOG]
    expected = {stem: load(stem) for stem in stems}
    jobs = stems * 10
    with ThreadPoolExecutor(8) as pool:
        for stem, found in zip(jobs, pool.map(load, jobs), strict=True):
            assert found.keys() == expected[stem].keys()
            for name, value in found.items():
                assert torch.equal(value, expected[stem][name]), (stem, name)


def weights(predictor):
    return predictor.model.state_dict().items()
