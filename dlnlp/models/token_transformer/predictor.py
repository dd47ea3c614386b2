"""Chapter 3's predictor: next tokens, continuations, scores and attention for texts.

Long texts are scored in windows of the model's context; only the end of a long prompt is used.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from dlnlp import checkpoint
from dlnlp.accelerate.speculative import FastWriter
from dlnlp.device import pick_device
from dlnlp.inference.deadline import check_deadline, within_deadline
from dlnlp.inference.sampling import (
    RECENT,
    Draws,
    check_generation,
    check_settings,
    check_whole,
    filtered,
    likeliest,
)
from dlnlp.inference.sampling_steps import sampling_steps
from dlnlp.inference.walk import walk
from dlnlp.models.token_transformer import interventions
from dlnlp.models.token_transformer import model as chapter
from dlnlp.models.token_transformer.head_steps import head_steps
from dlnlp.models.token_transformer.model import Choose, TransformerModel
from dlnlp.models.token_transformer.scoring import predictable, token_scores, total_log_prob
from dlnlp.models.token_transformer.tokens import Prompt, Tokens
from dlnlp.models.untrained import seeded_weights
from dlnlp.results import AttentionMaps, Distribution, Induction, Lens, NextToken, Piece, TokenScore
from dlnlp.text.byte_level import BYTE_OF, byte_tokenizer, merge_ranks, merge_steps, shown
from dlnlp.text.checks import MAX_CHARACTERS, check_text
from dlnlp.views import HeadEffects, HeadSteps, Intervention, Merges, Patches, SamplingSteps, Walk

TOKENIZER = "tokenizer.json"
MOST_MERGED = 100  # characters
MOST_WALKED = 24  # tokens of a walk


class Writer(Protocol):
    """Generates token ids: the model itself, or an engine that gives the same tokens faster."""

    def generate(self, prompt: list[int], count: int, choose: Choose) -> Iterator[int]:
        """Generate ``count`` token ids after the prompt, each chosen from its logits (V,)."""


class TokenTransformerPredictor:
    """A trained TransformerModel with its tokenizer; safe to share between threads.

    ``writer`` generates the continuations: by default the fastest engine for the model's device.
    """

    def __init__(
        self, model: TransformerModel, tokenizer: Tokenizer, writer: Writer | None = None
    ) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.tokens = Tokens(tokenizer)
        self.writer = writer or FastWriter(model)

    @property
    def device(self) -> torch.device:
        """The device of the model's weights."""
        return self.model.embedding.weight.device

    @torch.inference_mode()
    def distribution(self, prompt: str) -> Distribution:
        """The probability of every token after the prompt; only the end of a long prompt is used.

        If the prompt ends in a space, ``texts`` are what each token adds to it: after "on the "
        the token " sea" has the text "sea". ``<unk>`` and ``<|endoftext|>`` are never predicted.

        Raises:
            TypeError: ``prompt`` is not a string.
        """
        read, tokens = self._prompt(prompt, room=0), self.tokens
        ids = [*read.ids, tokens.space] if read.space else read.ids
        states = self.model.hidden(torch.tensor([ids], device=self.device))
        last = states[0, -2 if read.space else -1 :]  # more rows take longer
        rows = predictable(self.model.logits(last)).log_softmax(-1).cpu().numpy()
        log_probs = tokens.beyond_space(*rows) if read.space else rows[-1]
        texts = tokens.after_space if read.space else tokens.texts
        return Distribution(prompt, texts, log_probs, tokens.fragments, read.truncated)

    def next_tokens(
        self,
        prompt: str,
        k: int = 10,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> list[NextToken]:
        """The ``k`` most likely tokens after the prompt, most likely first.

        Tokens that the settings exclude are not listed. Only the end of a long prompt is used.

        Raises:
            TypeError: ``prompt`` is not a string.
            ValueError: A setting is out of its range; the message names it.
        """
        check_whole("k", k, 1, 10**6)
        check_settings(temperature, top_k, top_p)
        found = self.distribution(prompt)
        return likeliest(found, filtered(found.log_probs, temperature, top_k, top_p), k)

    def is_cut(self, prompt: str, max_new_tokens: int = 0) -> bool:
        """Whether the prompt is cut to its end, to leave room for new tokens in the context.

        Raises:
            TypeError: ``prompt`` is not a string.
        """
        return self._prompt(prompt, max_new_tokens).truncated

    def generate(
        self,
        prompt: str,
        max_new_tokens: int = 50,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        repetition_penalty: float = 1.0,
    ) -> Iterator[str]:
        """Continue the prompt and yield each piece of text as soon as it is complete.

        Tokens that share a character come in one piece. Temperature 0 is greedy. The same prompt,
        settings and seed give the same text; other prompts use other random numbers. A
        ``repetition_penalty`` above 1 makes the last ``RECENT`` tokens, including the prompt's,
        less likely (see ``dlnlp.inference.sampling.filtered``).

        The deadline of the caller's context applies until the last piece, even if the iterator
        is resumed in another thread.

        Raises:
            TypeError: ``prompt`` is not a string.
            ValueError: A setting is out of its range; the message names it.
            DeadlineExceeded: While iterating, when the deadline has passed.
        """
        pieces = self.stream(
            prompt, max_new_tokens, temperature, top_k, top_p, seed, repetition_penalty
        )
        return (piece.text for piece in pieces)

    def stream(
        self,
        prompt: str,
        max_new_tokens: int = 50,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int | None = None,
        repetition_penalty: float = 1.0,
    ) -> Iterator[Piece]:
        """Like ``generate``, but each piece comes with its number of tokens."""
        check_generation(max_new_tokens, seed)
        check_settings(temperature, top_k, top_p, repetition_penalty)
        read, draws = self._prompt(prompt, max_new_tokens), Draws(seed, prompt)

        def choose(logits: Tensor, ids: list[int]) -> int:
            scores, position = predictable(logits).cpu().numpy(), len(ids) - len(read.ids)
            if read.space and position == 0:
                scores[~self.tokens.spaced] = -torch.inf
            settings = (temperature, top_k, top_p, repetition_penalty, ids[-RECENT:])
            return draws(filtered(scores, *settings), position)

        tokens = self.writer.generate(read.ids, max_new_tokens, choose)
        return self.tokens.stream(within_deadline(tokens), read.space)

    @torch.inference_mode()
    def score(self, text: str) -> list[TokenScore]:
        """The log-probability of every token of the text.

        Each token comes with the most likely tokens at its position. At most ``MAX_CHARACTERS``
        characters are scored.

        Raises:
            TypeError: ``text`` is not a string.
            DeadlineExceeded: The deadline passed between two windows.
        """
        return token_scores(self.model, self.tokens, check_text(text)[:MAX_CHARACTERS])

    @torch.inference_mode()
    def attention(self, text: str) -> AttentionMaps:
        """The attention weights (layers, heads, T, T) of each token to itself and earlier ones.

        The first token is the begin token. Only the end of a long text is used.

        Raises:
            TypeError: ``text`` is not a string.
        """
        ids, cut = self.tokens.end(check_text(text), self.model.config.context)
        maps: list[Tensor] = []
        self.model.hidden(torch.tensor([ids], device=self.device), maps=maps)
        tokens = tuple(self.tokens.texts[token] for token in ids)
        return AttentionMaps(tokens, torch.cat(maps).float().cpu().numpy(), cut)

    @torch.inference_mode()
    def lens(self, text: str) -> Lens:
        """What each layer would predict after each token: the logit lens (nostalgebraist 2020).

        The model's last LayerNorm and output layer are applied to the output of each layer. The
        first token is the begin token. Only the end of a long text is used.

        Raises:
            TypeError: ``text`` is not a string.
            DeadlineExceeded: The deadline passed between two layers.
        """
        ids, cut = self.tokens.end(check_text(text), self.model.config.context)
        residuals: list[Tensor] = []
        states = self.model.hidden(torch.tensor([ids], device=self.device), residuals=residuals)
        target = predictable(self.model.logits(states[0])).argmax(-1, keepdim=True)  # (T, 1)
        best, final = [], []
        for layer in residuals:  # one at a time, because all logits would take a lot of memory
            check_deadline()
            logits = predictable(self.model.logits(self.model.norm(layer[0])))
            rows = logits.softmax(-1)  # (T, V)
            best.append(rows.max(-1))
            final.append(rows.gather(-1, target)[:, 0])
        texts = self.tokens.texts
        return Lens(
            tuple(texts[token] for token in ids),
            tuple(tuple(texts[token] for token in row.indices.tolist()) for row in best),
            torch.stack([row.values for row in best]).cpu().numpy(),
            torch.stack(final).cpu().numpy(),
            cut,
        )

    @torch.inference_mode()
    def induction(self, text: str) -> Induction:
        """The induction score of each head (Olsson et al. 2022), measured on the text said twice.

        An induction head attends to what followed the same token before, so it predicts that the
        text repeats itself. Only the end of a text that does not fit twice is used.

        Raises:
            TypeError: ``text`` is not a string.
        """
        room = (self.model.config.context - 1) // 2
        [begin, *ids], cut = self.tokens.end(check_text(text), room + 1)
        count, texts = len(ids), tuple(self.tokens.texts[token] for token in ids)
        read, maps = torch.tensor([[begin, *ids, *ids]], device=self.device), list[Tensor]()
        states = self.model.hidden(read, maps=maps)
        weights = torch.cat(maps)  # (layers, heads, S, S)
        if count < 2:  # no token is followed by another one
            none = np.zeros(max(0, count - 1))
            return Induction(texts, np.zeros(weights.shape[:2]), none, none, cut)
        again = torch.arange(count - 1, device=self.device)
        scores = weights[:, :, count + 1 + again, 2 + again].mean(-1)
        log_probs = self.model.logits(states[0, 1:-1]).float().log_softmax(-1)
        bits = -log_probs.gather(-1, read[0, 2:, None])[:, 0] / math.log(2)
        found = bits.cpu().numpy()
        return Induction(texts, scores.cpu().numpy(), found[: count - 1], found[count:], cut)

    @torch.inference_mode()
    def head_effects(self, text: str) -> HeadEffects:
        """How much the likeliest next token depends on each attention head.

        Only the end of a long text is used; a space at its end is removed.

        Raises:
            TypeError: ``text`` is not a string.
            DeadlineExceeded: The deadline passed between two layers.
        """
        return interventions.head_effects(self.model, self.tokens, self._prompt(text, 0))

    @torch.inference_mode()
    def heads_off(self, text: str, heads: Sequence[str]) -> Intervention:
        """The likeliest next tokens with all attention heads, and without some of them.

        Only the end of a long text is used; a space at its end is removed.

        Args:
            heads: Names such as "5.3", which is the third head of the fifth layer.

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: The model has no head with such a name.
        """
        return interventions.heads_off(self.model, self.tokens, self._prompt(text, 0), heads)

    @torch.inference_mode()
    def patch(self, text: str, other: str) -> Patches:
        """How far the prediction moves when one hidden state is taken from another text.

        A place is a layer and a token. Only the last ``interventions.MOST_PATCHED`` tokens are
        patched.

        Raises:
            TypeError: ``text`` or ``other`` is not a string.
            DeadlineExceeded: The deadline passed between two layers.
        """
        prompts = self._prompt(text, 0), self._prompt(other, 0)
        return interventions.patch(self.model, self.tokens, *prompts)

    def sampling_steps(
        self,
        prompt: str,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        k: int = 12,
    ) -> SamplingSteps:
        """How the settings turn the logits of the ``k`` most likely tokens into probabilities.

        Raises:
            TypeError: ``prompt`` is not a string.
            ValueError: A setting is out of its range; the message names it.
        """
        return sampling_steps(self.distribution(prompt), temperature, top_k, top_p, k)

    def head_steps(self, text: str, layer: int = 1, head: int = 1, token: int = 0) -> HeadSteps:
        """The computation of one attention head for one token, step by step.

        Only the end of a long text is used.

        Args:
            layer: From 1, as ``head``.
            token: The position of the token that attends, from 1, which is the begin token; 0 is
                the last token of the text.

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: The model has no such layer or head, or the text no such token.
        """
        config = self.model.config
        ids, cut = self.tokens.end(check_text(text), config.context)
        check_whole("layer", layer, 1, config.num_layers)
        check_whole("head", head, 1, config.nhead)
        check_whole("token", token, 0, len(ids))
        names = [self.tokens.texts[i] for i in ids]
        position = (token or len(ids)) - 1
        found = head_steps(self.model, ids, names, layer - 1, head - 1, position)
        return replace(found, truncated=cut)

    def merges(self, text: str) -> Merges:
        """How byte-level BPE merges the pieces of the first ``MOST_MERGED`` characters of a text.

        Raises:
            TypeError: ``text`` is not a string.
        """
        beginning = check_text(text)[:MOST_MERGED].encode("utf-8", "replace").decode("utf-8")
        steps, ranks = [], []
        for pieces, rank in merge_steps(self.tokenizer, self._ranks, beginning):
            steps.append(tuple(shown(bytes(BYTE_OF[c] for c in piece)) for piece in pieces))
            ranks.append(rank)
        return Merges(beginning, tuple(steps), tuple(ranks[1:]), len(text) > MOST_MERGED)

    def walk(self, text: str) -> Walk:
        """The forward pass of the begin token and the last tokens, ``MOST_WALKED`` in all.

        Raises:
            TypeError: ``text`` is not a string.
        """
        ids, cut = self.tokens.end(check_text(text), MOST_WALKED)
        tokens = torch.tensor([ids], device=self.device)
        names = [self.tokens.texts[token] for token in ids]
        return walk(
            self.model,
            lambda: self.model(tokens),
            [chapter.__file__],
            "tokens",
            names,
            truncated=cut,
        )

    @functools.cached_property
    def _ranks(self) -> dict[tuple[str, str], int]:
        return merge_ranks(self.tokenizer)

    @torch.inference_mode()
    def total(self, text: str) -> float:
        """The summed log-probability in nats of the whole text, of any length.

        Raises:
            DeadlineExceeded: The deadline passed between two windows.
        """
        return total_log_prob(self.model, self.tokens.encode(text))

    def _prompt(self, prompt: str, room: int) -> Prompt:
        """The prompt's end, with room for new tokens in at most half of the context."""
        context = self.model.config.context
        return self.tokens.prompt(prompt, context - min(room, context // 2))


def load(folder: Path, device: str | None = None) -> TokenTransformerPredictor:
    """The predictor of a checkpoint folder.

    Raises:
        CheckpointError: The folder is missing, damaged or does not fit this code.
    """
    config = checkpoint.read_config(folder)
    with checkpoint.fitting(folder):
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        model = TransformerModel(**config)
    checkpoint.load_weights(folder, model)
    return TokenTransformerPredictor(model.to(pick_device(device)), tokenizer)


def save(folder: Path, predictor: TokenTransformerPredictor, training: dict[str, object]) -> None:
    """Write the predictor's checkpoint folder."""
    files = {TOKENIZER: predictor.tokenizer.to_str()}
    checkpoint.save(folder, asdict(predictor.model.config), predictor.model, files, training)


def tiny() -> TokenTransformerPredictor:
    """A small predictor with seeded random weights, whose tokens are the 256 bytes."""
    tokenizer = byte_tokenizer()
    with seeded_weights():
        model = TransformerModel(tokenizer.get_vocab_size(), 16, 2, 2, context=32)
    return TokenTransformerPredictor(model, tokenizer)
