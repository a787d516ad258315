"""A tokenizer learned from one's own rows: byte-level pairs, special tokens, chat templates.

Byte-pair encoding (Sennrich et al. 2016) over bytes (Radford et al. 2019): every text can be
written, and comes back as it was. Words are cut as GPT-2 cuts them, a form that other programs
know by name, so that the model can become a GGUF file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelathe.core.errors import InputError, MissingDependency, UsageError

if TYPE_CHECKING:
    import tokenizers

PAD, BEGIN, END = "<|pad|>", "<|startoftext|>", "<|endoftext|>"
HOLES = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
TURNS = ("<|im_start|>", "<|im_end|>")
#: All bytes, which every vocabulary holds.
BYTES = 256
#: A pair of tokens that is seen less often is not joined.
_SEEN = 2
#: ChatML: each turn between two tokens of its own.
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + "
    "message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
#: What an encoder reads of a question: the code in its fence, else all of it.
SOURCE_TEMPLATE = (
    "{% set said = messages[-1]['content'] %}{% set parts = said.split('```') %}"
    "{{ parts[1].partition('\n')[2].rstrip('\n') if parts | length > 2 else said }}"
)


@dataclass(frozen=True, slots=True)
class Specials:
    """The special tokens of a kind of model, in the order of their ids, and what they are for.

    `begin` is empty where a text begins with its own first token. `turn_end` ends an answer.
    """

    tokens: tuple[str, ...]
    begin: str
    end: str
    template: str

    @classmethod
    def decoder(cls, *, chat: bool = False) -> Specials:
        """One text, holes to fill in, and with `chat` turns."""
        turns, end = (TURNS, TURNS[1]) if chat else ((), END)
        return cls((PAD, END, *HOLES, *turns), "", end, CHAT_TEMPLATE if chat else "")

    @classmethod
    def encoder_decoder(cls) -> Specials:
        """A source, and a target that begins with a token of its own."""
        return cls((PAD, BEGIN, END), BEGIN, END, SOURCE_TEMPLATE)

    @property
    def smallest(self) -> int:
        """The smallest vocabulary."""
        return BYTES + len(self.tokens)

    @property
    def ids(self) -> dict[str, int]:
        """The ids of the tokens that a model's configuration names."""
        return {
            "pad": self.tokens.index(PAD),
            "bos": self.tokens.index(self.begin or END),
            "eos": self.tokens.index(self.end),
        }


def check_vocabulary(size: int, specials: Specials) -> None:
    """Refuse a vocabulary that cannot hold every byte.

    Raises:
        UsageError: told with the smallest.
    """
    if size < specials.smallest:
        raise UsageError(
            f"a vocabulary of {size} cannot hold the {BYTES} bytes and "
            f"{len(specials.tokens)} special tokens",
            hint=f"vocabulary = {specials.smallest} or more; 8192 suits a small model",
            field="vocabulary",
        )


def train_tokenizer(texts: Iterable[str], size: int, specials: Specials) -> tokenizers.Tokenizer:
    """The tokenizer that `texts` give, of at most `size` tokens: fewer where they hold no more.

    Raises:
        UsageError: `size` cannot hold every byte.
        InputError: there is no text.
        MissingDependency: the package `tokenizers` is not installed.
    """
    check_vocabulary(size, specials)
    try:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    except ImportError:
        raise MissingDependency("tokenizers", "train", "a tokenizer from scratch") from None
    held = [text for text in texts if text]
    if not held:
        raise InputError("there is no text to learn a tokenizer from", field="data")
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=_SEEN,
        special_tokens=list(specials.tokens),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    own.train_from_iterator(held, trainer, length=len(held))
    if specials.begin:  # an encoder that reads an end knows that the source is whole
        own.post_processor = processors.TemplateProcessing(
            single=f"$A {END}", special_tokens=[(END, own.token_to_id(END))]
        )
    return own


def save_tokenizer(
    own: tokenizers.Tokenizer, specials: Specials, folder: Path, context: int
) -> None:
    """Write `tokenizer.json`, `tokenizer_config.json` and the chat template into `folder`.

    Raises:
        OSError: they cannot be written.
    """
    own.save(str(folder / "tokenizer.json"))
    config = tokenizer_config(specials, context)
    text = json.dumps(config, ensure_ascii=False, indent=2) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
    if specials.template:
        (folder / "chat_template.jinja").write_text(specials.template, encoding="utf-8")


def tokenizer_config(specials: Specials, context: int) -> dict[str, Any]:
    """What `transformers` has to know beside the tokenizer itself."""
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        "pad_token": PAD,
        "eos_token": specials.end,
    }
    return {**config, "bos_token": specials.begin} if specials.begin else config


def characters_a_token(own: tokenizers.Tokenizer, texts: Sequence[str]) -> float:
    """How many characters of `texts` a token stands for, on average."""
    tokens = sum(len(found.ids) for found in own.encode_batch(list(texts)))
    return sum(map(len, texts)) / tokens if tokens else 0.0
