"""A tokenizer learned from one's own rows: byte-level pairs, special tokens, chat templates.

Byte-pair encoding (Sennrich et al. 2016) over bytes (Radford et al. 2019): every text can be
written, and comes back as it was. Words are cut as GPT-2 cuts them, a form that other programs
know by name, so that the model can become a GGUF file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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


def as_transformers(own: tokenizers.Tokenizer, specials: Specials, context: int) -> Any:
    """The tokenizer as `transformers` has it, which can be saved beside a model."""
    import transformers

    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=own,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
        pad_token=PAD,
        eos_token=specials.end,
        **({"bos_token": specials.begin} if specials.begin else {}),
    )
    wrapped.chat_template = specials.template or None
    return wrapped
