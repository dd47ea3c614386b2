"""The predictor of any causal language model of the transformers library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dlnlp.hub.about import About
from dlnlp.hub.forward import (
    MOST_TOKENS,
    accepted,
    attention_room,
    attention_weights,
    check_ids,
    positions,
)
from dlnlp.hub.interventions import Heads
from dlnlp.hub.lens import lens_room, read_layers
from dlnlp.hub.pieces import Pieces, Tokenize, begin_id
from dlnlp.inference.deadline import within_deadline
from dlnlp.inference.interventions import next_token_change, next_token_effects
from dlnlp.inference.sampling import (
    RECENT,
    Draws,
    check_generation,
    check_settings,
    check_whole,
    filtered,
    likeliest,
)
from dlnlp.inference.token_scores import token_scores, windows
from dlnlp.results import AttentionMaps, Distribution, Lens, NextToken, Piece, TokenScore
from dlnlp.text.checks import MAX_CHARACTERS, check_text
from dlnlp.views import HeadEffects, Intervention

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MOST_CONTEXT = 1024  # tokens of a prompt and its continuation


class HubLanguageModel:
    """A causal language model with its tokenizer; safe to share between threads.

    It reads the last ``context`` tokens, 1024 at most. Prompts are encoded as the tokenizer does
    by default, and special tokens can be predicted, such as the one at the end of a text.

    Args:
        model: A model that predicts the next token.
        tokenizer: Its tokenizer.
        about: What the model is.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any, about: About) -> None:
        self.model = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.about = about
        self.context = positions(model, tokenizer, MOST_CONTEXT)
        head: Any = model.get_output_embeddings()
        size = head.weight.shape[0] if head else model.config.get_text_config().vocab_size
        self.pieces = Pieces(tokenizer, size)
        self.ends = _ends(model, tokenizer)
        self._lock = threading.Lock()  # attention() changes the model while it runs
        self._tokenize = Tokenize(tokenizer)

    @property
    def device(self) -> torch.device:
        """The device of the model's weights."""
        return self.model.device

    @torch.inference_mode()
    def distribution(self, prompt: str) -> Distribution:
        """The probability of every token after the prompt; only the end of a long prompt is used.

        Raises:
            TypeError: ``prompt`` is not a string.
            ValueError: The prompt is empty, and the model has no token to begin with.
        """
        ids, cut = self._prompt(prompt, room=0)
        logits = self._logits(torch.tensor([ids], device=self.device), 1)[0]
        log_probs = logits.cpu().double().log_softmax(-1).numpy()
        return Distribution(prompt, self.pieces.texts, log_probs, self.pieces.fragments, cut)

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
        return self._prompt(prompt, max_new_tokens)[1]

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

        Ends early at a token that ends a text. Tokens that share a character come in one piece.
        Temperature 0 is greedy. The same prompt, settings and seed give the same text. A
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
        read, draws = self._prompt(prompt, max_new_tokens)[0], Draws(seed, prompt)

        def choose(logits: np.ndarray, ids: list[int]) -> int:
            settings = (temperature, top_k, top_p, repetition_penalty, ids[-RECENT:])
            return draws(filtered(logits, *settings), len(ids) - len(read))

        tokens = self._continued(read, max_new_tokens, choose)
        return self.pieces.stream(within_deadline(tokens))

    @torch.inference_mode()
    def score(self, text: str) -> list[TokenScore]:
        """The log-probability of every token of the text.

        The text follows the model's begin token, or the one that ends the text before it; if the
        model has neither, the first token has no score. Each token comes with the most likely
        tokens at its position. At most ``MAX_CHARACTERS`` characters are scored.

        Raises:
            TypeError: ``text`` is not a string.
            DeadlineExceeded: The deadline passed between two windows.
        """
        ids, begin = self._ids(check_text(text)[:MAX_CHARACTERS]), begin_id(self.tokenizer)
        if begin is not None and ids[:1] != [begin]:
            ids = [begin, *ids]
        size = min(self.context, MOST_TOKENS)
        return token_scores(windows(self._logits, ids, size, self.device), self.pieces)

    @torch.inference_mode()
    def attention(self, text: str) -> AttentionMaps:
        """The attention weights (L, H, T, T) of each token to itself and earlier ones.

        Only the end of a long text is used.

        Raises:
            TypeError: ``text`` is not a string.
            HubError: The model has no attention weights.
        """
        ids, cut = self._end(check_text(text), attention_room(self.model, self.context))
        with self._lock:
            weights = attention_weights(self.model, self._features(ids))
        return AttentionMaps(self._texts(ids), weights, cut)

    @torch.inference_mode()
    def lens(self, text: str) -> Lens:
        """What each layer would predict after each token: the logit lens (nostalgebraist 2020).

        Only the end of a long text is used.

        Raises:
            TypeError: ``text`` is not a string.
            HubError: The model is built in a way that the lens can't read.
            DeadlineExceeded: The deadline passed between two layers.
        """
        ids, cut = self._end(
            check_text(text), lens_room(self.model, min(self.context, MOST_TOKENS))
        )
        with self._lock:
            best, probabilities, final = read_layers(self.model, ids)
        predicted = tuple(map(self._texts, best))
        return Lens(self._texts(ids), predicted, np.array(probabilities), np.array(final), cut)

    @torch.inference_mode()
    def head_effects(self, text: str) -> HeadEffects:
        """How much the likeliest next token depends on each attention head.

        Only the end of a long text is used, so that it takes about ten seconds at most.

        Raises:
            TypeError: ``text`` is not a string.
            HubError: This app doesn't know where the model's heads are.
            DeadlineExceeded: The time limit of the current context has passed.
        """
        heads = self._heads()
        ids, cut = self._end(check_text(text), min(heads.room, self.context))
        with self._lock:
            logits = heads.without_each(self._features(ids))
        return next_token_effects(logits.log_softmax(-1), self.pieces.texts, heads.heads, cut)

    @torch.inference_mode()
    def heads_off(self, text: str, heads: Sequence[str]) -> Intervention:
        """The likeliest next tokens with all attention heads, and without some of them.

        Only the end of a long text is used.

        Args:
            heads: Names such as "5.3", which is the third head of the fifth layer.

        Raises:
            TypeError: ``text`` is not a string.
            ValueError: The model has no head with such a name.
            HubError: This app doesn't know where the model's heads are.
        """
        ids, cut = self._end(check_text(text), self.context)
        known = self._heads()
        with self._lock:
            logits = known.without(self._features(ids), heads)
        before, after = logits.log_softmax(-1)
        return next_token_change(before, after, self.pieces.texts, cut)

    def _heads(self) -> Heads:
        return Heads(self.model, _last_logits, logits_to_keep=1, use_cache=False)

    def _features(self, ids: list[int]) -> dict[str, Tensor]:
        """The features (1, T) of token ids, of which only the last token's logits are needed."""
        tokens = torch.tensor([ids], device=self.device)
        return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}

    def _texts(self, ids: list[int]) -> tuple[str, ...]:
        return tuple(self.pieces.texts[token] for token in ids)

    def _ids(self, text: str) -> list[int]:
        """The token ids of a text, as its tokenizer encodes it by default."""
        ids: list[int] = self._tokenize(text)["input_ids"]
        check_ids(self.model, ids)
        return ids

    def _end(self, text: str, size: int) -> tuple[list[int], bool]:
        """The last ids of the text, ``size`` at most, and whether it was cut.

        A begin token stays at the beginning.

        Raises:
            ValueError: There are none, and the model has no token to begin with.
        """
        ids = self._ids(text[-MAX_CHARACTERS:])
        if not ids:
            begin = begin_id(self.tokenizer)
            if begin is None:
                raise ValueError("This model can't begin a text by itself: type a few words.")
            return [begin], False
        cut = len(ids) > size or len(text) > MAX_CHARACTERS
        first = ids[:1] if ids[0] == self.tokenizer.bos_token_id else []
        rest = ids[len(first) :]
        return [*first, *rest[max(0, len(ids) - size) :]], cut

    def _prompt(self, prompt: str, room: int) -> tuple[list[int], bool]:
        """The prompt's end, with room for new tokens in at most half of the context."""
        text = check_text(prompt, "prompt")
        return self._end(text, self.context - min(room, self.context // 2))

    def _logits(self, ids: Tensor, last: int) -> Tensor:
        """Logits (N, V) after the last N of the token ids (1, T)."""
        features = {"input_ids": ids, "use_cache": False, "logits_to_keep": last}
        with self._lock:
            logits: Tensor = self.model(**accepted(self.model, features)).logits
        return logits[0, -last:].float()

    def _continued(
        self, prompt: list[int], count: int, choose: Callable[[np.ndarray, list[int]], int]
    ) -> Iterator[int]:
        """Up to ``count`` token ids after the prompt, with a cache of what was read before.

        If the context is full, the model goes on with its second half.
        """
        ids, new, seen, cache = list(prompt), list(prompt), 0, None
        for _ in range(count):
            if seen + len(new) > self.context:
                new, seen, cache = ids[-(self.context // 2) :], 0, None
            logits, cache = self._step(new, cache)
            seen = seen + len(new) if cache is not None else 0
            token = choose(logits, ids)
            if token in self.ends:
                return
            yield token
            ids.append(token)
            new = [token] if cache is not None else ids[-self.context :]

    @torch.inference_mode()
    def _step(self, new: list[int], cache: Any) -> tuple[np.ndarray, Any]:
        """Logits (V,) after the new token ids, and the cache with them."""
        tokens = torch.tensor([new], device=self.device)
        options = {"past_key_values": cache, "use_cache": True, "logits_to_keep": 1}
        with self._lock:
            output = self.model(input_ids=tokens, **accepted(self.model, options))
        return output.logits[0, -1].cpu().double().numpy(), output.get("past_key_values")


def _last_logits(output: Any) -> Tensor:
    logits: Tensor = output.logits
    return logits[:, -1].float()


def _ends(model: PreTrainedModel, tokenizer: Any) -> frozenset[int]:
    """The ids of the tokens that end a text."""
    given = getattr(model.generation_config, "eos_token_id", None)
    if given is None:
        given = tokenizer.eos_token_id
    found = given if isinstance(given, list) else [given]
    return frozenset(token for token in found if token is not None)
