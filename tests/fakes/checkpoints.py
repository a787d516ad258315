"""Tiny checkpoints of many architectures, random weights and all, saved as the hub holds them.

Their weights are drawn wide, so that texts are varied and hang on every token before, which
is what tests of padding, positions and caches need.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
CORPUS = (
    "def add(a, b):\n    return a + b\n", "class Stack:\n    def push(self, item):\n",
    "import math\n\nfor i in range(10):\n    print(i)\n", "두 수를 더하는 함수를 작성하세요.",
)  # fmt: skip
END, BEGIN, ROLES = "<|end|>", "<s>", ("<|user|>", "<|assistant|>", "<|system|>")
_SIZE: dict[str, Any] = {"vocab_size": 400, "initializer_range": 0.35}
_DECODER = {
    **_SIZE, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 160,
}  # fmt: skip
_OLD_DECODER = {**_SIZE, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 160}
_CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("GPT2LMHeadModel", _OLD_DECODER),
    "codegen": ("CodeGenForCausalLM", {**_OLD_DECODER, "rotary_dim": 4, "n_ctx": 160}),
    "starcoder2": ("Starcoder2ForCausalLM", {**_DECODER, "sliding_window": 6}),
    "qwen2": ("Qwen2ForCausalLM", _DECODER),
    "qwen3": ("Qwen3ForCausalLM", {**_DECODER, "head_dim": 128}),
    "llama": ("LlamaForCausalLM", _DECODER),
    "granite": ("GraniteForCausalLM", {**_DECODER, "logits_scaling": 3.0}),
    "bloom": ("BloomForCausalLM", {**_SIZE, "hidden_size": 32, "n_layer": 2, "n_head": 4}),
    "mamba": ("MambaForCausalLM", {**_SIZE, "hidden_size": 32, "num_hidden_layers": 2}),
    "t5": (
        "T5ForConditionalGeneration",
        {
            "vocab_size": 400, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2,
            "num_heads": 4, "initializer_factor": 4.0, "decoder_start_token_id": 0,
            "pad_token_id": 0,
        },
    ),
    "bart": (
        "BartForConditionalGeneration",
        {
            "vocab_size": 400, "d_model": 32, "encoder_layers": 2, "decoder_layers": 2,
            "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48, "max_position_embeddings": 160, "init_std": 0.35,
            "decoder_start_token_id": 1, "forced_bos_token_id": 5, "forced_eos_token_id": None,
            "pad_token_id": 0,
        },
    ),
    "bert": (
        "BertForMaskedLM",
        {
            **_SIZE, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
            "intermediate_size": 48, "max_position_embeddings": 160, "pad_token_id": 0,
        },
    ),
}  # fmt: skip
DECODERS = ("gpt2", "codegen", "starcoder2", "qwen2", "llama", "bloom", "mamba")
ENCODER_DECODERS = ("t5", "bart")


def tokenizer(architecture: str) -> Any:
    """Byte-level pairs learned from a few lines; begins and ends as the architecture has it."""
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_SIZE["vocab_size"],
        special_tokens=["<pad>", BEGIN, END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    own.train_from_iterator(CORPUS, trainer)
    form = {"llama": f"{BEGIN} $A", "t5": f"$A {END}", "bart": f"{BEGIN} $A {END}"}
    form["bert"] = form["bart"]
    if architecture in form:
        ids = [(token, own.token_to_id(token)) for token in (BEGIN, END)]
        own.post_processor = processors.TemplateProcessing(
            single=form[architecture], special_tokens=ids
        )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=own, bos_token=BEGIN, eos_token=END, pad_token="<pad>"
    )


def model(architecture: str, seed: int = 0, **other: Any) -> Any:
    """The model, its weights drawn with `seed`; `other` settings of its configuration."""
    name, settings = _CONFIGS[architecture]
    settings = {**settings, **other}
    cls = getattr(transformers, name)
    torch.manual_seed(seed)
    config = cls.config_class(**settings, bos_token_id=1, eos_token_id=2)
    made = cls(config).eval()
    with torch.no_grad():
        for norm in (p for n, p in made.named_parameters() if n.endswith("bias")):
            norm.normal_(std=0.1)
    return made


def save(
    folder: Path,
    architecture: str,
    *,
    seed: int = 0,
    chat: bool = True,
    pickled: bool = False,
    **other: Any,
) -> Path:
    """A checkpoint of the architecture in `folder`."""
    made = model(architecture, seed, **other)
    made.save_pretrained(folder)
    if pickled:
        (folder / "model.safetensors").unlink()
        torch.save(made.state_dict(), folder / "pytorch_model.bin")
    tokens = tokenizer(architecture)
    tokens.chat_template = CHAT_TEMPLATE if chat else None
    tokens.save_pretrained(folder)
    return folder


def save_adapter(folder: Path, base: Path, **settings: Any) -> Path:
    """A LoRA adapter for the checkpoint in `base`, its weights drawn and not small."""
    import peft

    pairs = transformers.AutoConfig.from_pretrained(base).is_encoder_decoder
    auto = transformers.AutoModelForSeq2SeqLM if pairs else transformers.AutoModelForCausalLM
    under = auto.from_pretrained(base)
    kind = "SEQ_2_SEQ_LM" if pairs else "CAUSAL_LM"
    settings = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", **settings}
    torch.manual_seed(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft asks transformers in a way that will go
        adapted = peft.get_peft_model(under, peft.LoraConfig(task_type=kind, **settings))
    with torch.no_grad():
        for name, weights in adapted.named_parameters():
            if "lora_" in name:
                weights.normal_(std=0.3)
    adapted.save_pretrained(folder)
    config = folder / "adapter_config.json"
    document = json.loads(config.read_text())
    document["base_model_name_or_path"] = str(base)
    config.write_text(json.dumps(document))
    return folder
