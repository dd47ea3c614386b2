"""Score a given translation by teacher forcing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from dlnlp.inference.batching import pad_rows
from dlnlp.models.char_seq2seq.model import EOS_ID, PAD_ID, SOS_ID, CharSeq2Seq, Memory


def score(
    model: CharSeq2Seq, memory: Memory, target: Sequence[int], stops: Sequence[Sequence[int]]
) -> tuple[Tensor, list[float], Tensor]:
    """Score target ids (T,) followed by each of N alternative endings and the end symbol.

    The decoder reads the target only once for all alternatives.

    Args:
        memory: The memory of one source of S characters.
        stops: The ids of each alternative ending, such as a full stop; may be empty.

    Returns:
        Log-probabilities (T,) of the target in nats, N sums of the log-probabilities of target,
        ending and end symbol, and attention (T, S). All are on the CPU.
    """
    device = memory.states.device
    inputs = torch.tensor([[SOS_ID, *target]], device=device)  # (1, T + 1)
    state = (memory.first, memory.second)
    logits, attention, state = model.decoder(memory, inputs, state)
    losses = F.cross_entropy(logits[0, :-1].float(), inputs[0, 1:], reduction="none")  # (T,)

    endings = pad_rows([[*stop, EOS_ID] for stop in stops])[0].to(device)  # (N, L)
    rows = torch.zeros(len(stops), dtype=torch.long, device=device)
    state = tuple(tensor[:, rows] for tensor in state)
    following, _, _ = model.decoder(memory.select(rows), endings, state)
    predicted = torch.cat((logits[rows, -1:], following[:, :-1]), dim=1)  # (N, L, V)
    more = F.cross_entropy(
        predicted.float().transpose(1, 2), endings, ignore_index=PAD_ID, reduction="none"
    )  # (N, L)
    sums = -losses.sum() - more.sum(dim=1)
    return -losses.cpu(), sums.tolist(), attention[0, : len(target)].cpu()
