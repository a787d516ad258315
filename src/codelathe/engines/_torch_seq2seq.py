"""An encoder-decoder on `torch.nn.Transformer`, as a model that `transformers` saves and loads.

Vaswani et al. 2017, "Attention Is All You Need": an encoder reads the source, a decoder writes
the target token by token and looks at what the encoder made of the source. Three choices: the
norms stand before each part and not behind it (Xiong et al. 2020: trains without a warm-up),
source, target and output share one table of embeddings, and positions are sinusoids, which hold
no weights.

It stands with the engines because whoever loads a checkpoint must know its class, without
running code that comes with it; training is handed a new one by the wiring.

Training calls the modules of torch as they are, a whole target at once. Writing goes through the
same weights a token at a time and keeps keys and values, which torch's modules cannot.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForSeq2SeqLM,
    GenerationMixin,
    PreTrainedConfig,
    PreTrainedModel,
    initialization,
)
from transformers.cache_utils import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

MODEL_TYPE = "codelathe-seq2seq"
#: What a label holds that the loss does not count, as `transformers` has it.
IGNORED = -100


class Seq2SeqConfig(PreTrainedConfig):  # type: ignore[misc]  # the package has no types
    """The model's numbers; `max_position_embeddings` bounds source and target each."""

    model_type = MODEL_TYPE
    keys_to_ignore_at_inference = ["past_key_values"]  # noqa: RUF012 (as in transformers)
    attribute_map = {  # noqa: RUF012
        "hidden_size": "d_model",
        "num_hidden_layers": "decoder_layers",
    }

    vocab_size: int = 8192
    max_position_embeddings: int = 512
    d_model: int = 512
    num_attention_heads: int = 8
    encoder_layers: int = 6
    decoder_layers: int = 6
    feed_forward: int = 2048
    dropout: float = 0.1
    is_encoder_decoder: bool = True
    pad_token_id: int = 0
    bos_token_id: int = 1
    eos_token_id: int = 2
    decoder_start_token_id: int = 1


class _Reader(nn.Module):  # type: ignore[misc]
    """The encoder as `transformers` calls one."""

    main_input_name = "input_ids"

    def __init__(self, model: Seq2SeqTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        **_: Any,
    ) -> BaseModelOutput:
        return BaseModelOutput(self.model.encode(input_ids, attention_mask))


class Seq2SeqTransformer(PreTrainedModel, GenerationMixin):  # type: ignore[misc]
    """The encoder-decoder with its head.

    Token ids are (rows, length), masks (rows, length) with 1 for what is read and 0 for padding,
    which stands behind. Logits are (rows, target length, vocabulary).
    """

    config_class = Seq2SeqConfig
    main_input_name = "input_ids"
    _no_split_modules = ["TransformerEncoderLayer", "TransformerDecoderLayer"]  # noqa: RUF012

    def __init__(self, config: Seq2SeqConfig) -> None:
        super().__init__(config)
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.transformer = _transformer(config)
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Logits, and what enters the first layer, begin with a variance of about 1."""
        if isinstance(module, nn.Embedding):
            initialization.normal_(module.weight, std=self.config.d_model**-0.5)
        elif isinstance(module, nn.LayerNorm):
            initialization.ones_(module.weight)
            initialization.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            initialization.xavier_uniform_(module.weight)
            initialization.zeros_(module.bias)
        elif isinstance(module, nn.MultiheadAttention):
            initialization.xavier_uniform_(module.in_proj_weight)
            initialization.zeros_(module.in_proj_bias)

    def get_input_embeddings(self) -> nn.Embedding:
        """The one table of embeddings."""
        return self.embedding

    def get_encoder(self, modality: str | None = None) -> nn.Module:  # noqa: ARG002
        """The encoder, which gives (rows, source length, width)."""
        return _Reader(self)

    def encode(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """What the encoder makes of the source: (rows, source length, width)."""
        padding = None if attention_mask is None else attention_mask == 0
        encoded: Tensor = self.transformer.encoder(
            self._embed(input_ids), src_key_padding_mask=padding
        )
        return encoded

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        encoder_outputs: Any = None,
        past_key_values: EncoderDecoderCache | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        **_: Any,
    ) -> Seq2SeqLMOutput:
        """Logits for each token of the target, and with `labels` the mean cross-entropy.

        With `labels` the decoder is given the right tokens, one behind (teacher forcing);
        `IGNORED` in them is not counted. With `use_cache`, `decoder_input_ids` go on from what
        `past_key_values` holds.
        """
        if encoder_outputs is not None:
            encoded = encoder_outputs[0]
        else:
            encoded = self.encode(input_ids, attention_mask)
        padding = None if attention_mask is None else attention_mask == 0
        if labels is not None and decoder_input_ids is None:
            decoder_input_ids = self.shifted(labels)
        if use_cache and labels is None:
            past_key_values = past_key_values or EncoderDecoderCache(DynamicCache(), DynamicCache())
            hidden = self._continue(decoder_input_ids, encoded, padding, past_key_values)
        else:
            past_key_values, hidden = None, self._whole(decoder_input_ids, encoded, padding)
        logits = F.linear(hidden, self.embedding.weight)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(
                logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED
            )
        return Seq2SeqLMOutput(
            loss=loss,
            logits=logits,
            past_key_values=past_key_values,
            encoder_last_hidden_state=encoded,
        )

    def shifted(self, labels: Tensor) -> Tensor:
        """What the decoder is given to predict `labels` from: the start, then all but the last."""
        start = torch.full_like(labels[:, :1], self.config.decoder_start_token_id)
        known = labels[:, :-1].masked_fill(labels[:, :-1] == IGNORED, self.config.pad_token_id)
        return torch.cat([start, known], dim=1)

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """`shifted`, by the name that `transformers` calls."""
        return self.shifted(labels)

    def _embed(self, ids: Tensor, before: int = 0) -> Tensor:
        width = self.config.d_model
        places = _sinusoids(before, ids.shape[1], width, ids.device).to(self.embedding.weight.dtype)
        embedded: Tensor = self.dropout(self.embedding(ids) * math.sqrt(width) + places)
        return embedded

    def _whole(self, ids: Tensor, encoded: Tensor, padding: Tensor | None) -> Tensor:
        """All targets at once. Their padding is behind them, where no token looks: no mask."""
        length = ids.shape[1]
        ahead = torch.ones(length, length, dtype=torch.bool, device=ids.device).triu(1)
        hidden: Tensor = self.transformer.decoder(
            self._embed(ids),
            encoded,
            tgt_mask=ahead,
            tgt_is_causal=True,
            memory_key_padding_mask=padding,
        )
        return hidden

    def _continue(
        self, ids: Tensor, encoded: Tensor, padding: Tensor | None, cache: EncoderDecoderCache
    ) -> Tensor:
        """The same, for the tokens behind those whose keys and values are in `cache`."""
        before, length = cache.get_seq_length(), ids.shape[1]
        seen = torch.ones(length, before + length, dtype=torch.bool, device=ids.device).tril(before)
        read = None if padding is None else ~padding[:, None, None, :]
        x = self._embed(ids, before)
        for number, layer in enumerate(self.transformer.decoder.layers):
            own, across = layer.self_attn, layer.multihead_attn
            query, key, value = _projected(own, layer.norm1(x), (0, 1, 2))
            key, value = cache.self_attention_cache.update(key, value, number)
            x = x + _attended(own, query, key, value, seen if length > 1 else None)
            (query,) = _projected(across, layer.norm2(x), (0,))
            if not cache.is_updated.get(number):
                key, value = _projected(across, encoded, (1, 2))
                cache.cross_attention_cache.update(key, value, number)
                cache.is_updated[number] = True
            source = cache.cross_attention_cache.layers[number]
            x = x + _attended(across, query, source.keys, source.values, read)
            x = x + layer.linear2(layer.activation(layer.linear1(layer.norm3(x))))
        hidden: Tensor = self.transformer.decoder.norm(x)
        return hidden


def _transformer(config: Seq2SeqConfig) -> nn.Transformer:
    settings: dict[str, Any] = {
        "d_model": config.d_model,
        "nhead": config.num_attention_heads,
        "dim_feedforward": config.feed_forward,
        "dropout": config.dropout,
        "batch_first": True,
        "norm_first": True,
    }
    # Built here because with norms in front torch warns of a short cut that it cannot take.
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(**settings),
        config.encoder_layers,
        nn.LayerNorm(config.d_model),
        enable_nested_tensor=False,
    )
    return nn.Transformer(
        **settings, custom_encoder=encoder, num_decoder_layers=config.decoder_layers
    )


def _sinusoids(start: int, length: int, width: int, device: torch.device) -> Tensor:
    """(length, width): sines in the even columns, cosines in the odd, from 1 to 1/10000 a step."""
    places = torch.arange(start, start + length, device=device, dtype=torch.float32)[:, None]
    rates = torch.exp(
        torch.arange(0, width, 2, device=device, dtype=torch.float32) * (-math.log(1e4) / width)
    )
    angles = places * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


def _projected(
    attention: nn.MultiheadAttention, x: Tensor, parts: tuple[int, ...]
) -> tuple[Tensor, ...]:
    """Of queries, keys and values those in `parts`, each (rows, heads, length, head width)."""
    weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
    heads = attention.num_heads
    return tuple(
        F.linear(x, weights[part], biases[part]).unflatten(-1, (heads, -1)).transpose(1, 2)
        for part in parts
    )


def _attended(
    attention: nn.MultiheadAttention, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
) -> Tensor:
    """(rows, length, width); `mask` is true where a query may look."""
    mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    joined: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(2))
    return joined


def register() -> None:
    """Make the Auto classes of `transformers` know it, so that no foreign code is needed."""
    AutoConfig.register(MODEL_TYPE, Seq2SeqConfig, exist_ok=True)
    AutoModelForSeq2SeqLM.register(Seq2SeqConfig, Seq2SeqTransformer, exist_ok=True)
