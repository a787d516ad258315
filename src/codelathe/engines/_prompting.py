"""What both local engines do before a token is drawn: prompt text, special tokens, fit.

A chat is rendered by a template that wiring hands in; engines know no template
language. The rendered text holds the model's special tokens as text, and both
engines must read them as special tokens and begin with exactly one BOS where the
model wants one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib.metadata import version

from codelathe.core.checkpoint import CheckpointHeader
from codelathe.core.errors import ContextOverflow, UnsupportedArgument
from codelathe.core.generation import ALL_FEATURES, EngineInfo, Message, Request
from codelathe.core.gguf import GgufHeader

#: Renders a chat to prompt text, the opening of the assistant's turn included.
Template = Callable[[Sequence[Message]], str]

#: Vocabularies of the Llama 3 kind begin with BOS although some files do not say so.
_BOS_BY_DEFAULT = frozenset({"llama-bpe", "llama3", "llama-v3", "falcon3"})

#: Tokens that end an answer whatever the file calls its EOS: the ends of turn and of text of
#: the chat formats in use, and the separators that base code models write between files.
END_TOKENS = (
    "<|im_end|>", "<|endoftext|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|end|>",
    "<end_of_turn>", "<EOT>", "<|EOT|>", "</s>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
)  # fmt: skip


def local_info(
    name: str,
    package: str,
    header: GgufHeader | CheckpointHeader,
    template: Template | None,
    model: str,
) -> EngineInfo:
    """What a local engine is; a model without a chat template (a base model) takes no chats."""
    return EngineInfo(
        name=name,
        model=model or header.path.stem,
        version=f"{package} {version(package)}",
        context_length=header.context_length,
        features=ALL_FEATURES if template is not None else ALL_FEATURES - {"messages"},
    )


def prompt_text(request: Request, template: Template | None, info: EngineInfo) -> str:
    """The text that `request` puts before the model.

    Raises:
        UnsupportedArgument: a chat for a model without a chat template.
    """
    if not request.messages:
        return request.prompt + request.prefill
    if template is None:
        raise UnsupportedArgument(
            f"{info.model} has no chat template, so it cannot take 'messages'",
            hint="give a plain prompt to go on from, or choose an instruct model",
            field="messages",
        )
    return template(request.messages) + request.prefill


def begins_with_bos(header: GgufHeader) -> bool:
    """Whether the model expects its BOS token before every text."""
    said = header.metadata.get("tokenizer.ggml.add_bos_token")
    if said is not None:
        return bool(said)
    pre = header.metadata.get("tokenizer.ggml.pre", "")
    return header.metadata.get("tokenizer.ggml.model") == "llama" or pre in _BOS_BY_DEFAULT


def with_one_bos(tokens: Sequence[int], header: GgufHeader) -> list[int]:
    """`tokens` with one BOS in front where the model wants it, also if the template wrote it."""
    tokens = list(tokens)
    bos = header.metadata.get("tokenizer.ggml.bos_token_id")
    if bos is None or not begins_with_bos(header) or tokens[:1] == [bos]:
        return tokens
    return [int(bos), *tokens]


def check_fit(
    prompts: Sequence[Sequence[int]], requests: Sequence[Request], info: EngineInfo
) -> None:
    """Refuse the first request whose prompt and longest answer exceed the context.

    Raises:
        ContextOverflow: with the numbers of tokens.
    """
    context = info.context_length
    if context is None:
        return
    for tokens, request in zip(prompts, requests, strict=True):
        answer = request.sampling.max_tokens
        if len(tokens) + answer > context:
            raise ContextOverflow(
                f"the prompt has {len(tokens)} tokens and up to {answer} are to be written, "
                f"but {info.model} has a context of {context} tokens",
                hint=_how_to_fit(len(tokens), context),
                field="prompt" if len(tokens) >= context else "max_tokens",
            )


def _how_to_fit(prompt: int, context: int) -> str:
    if prompt < context:
        return f"--max-tokens {context - prompt} is the most that fits"
    return f"shorten the prompt by at least {prompt - context + 1} tokens"


def usable_cores() -> int:
    """The cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
