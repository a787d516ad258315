r"""ModelRef: the one string that names a model, parsed in this one place.

ref     = alias | path | scheme ":" rest
alias   = a name in the catalogue          qwen2.5-coder-1.5b
path    = has a "/" or "\\", starts with "." or "~", or ends in ".gguf"
gguf    = "gguf:" path                     gguf:./my-model.gguf
hf      = "hf:" owner "/" repo ["@" revision] [":" file]
adapter = "adapter:" folder                adapter:runs/my-tune
openai  = "openai:" name                   openai:gpt-5-mini
huggingface = "huggingface:" repo          a model behind the inference API
scripted = "scripted:" path                answers read from a file (tests, demos)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from codelathe.core.errors import LatheError, ModelRefError, UnknownName

Scheme = Literal["alias", "path", "gguf", "hf", "adapter", "openai", "huggingface", "scripted"]
SCHEMES: tuple[str, ...] = tuple(s for s in get_args(Scheme) if s not in ("alias", "path"))

_HF = re.compile(
    r"(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?(?::(?P<file>[^:]+))?", re.ASCII
)
_ALIAS = re.compile(r"[a-z0-9][a-z0-9._+-]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A parsed model reference. `revision` and `file` are only used by `hf:`."""

    scheme: Scheme
    name: str
    revision: str = ""
    file: str = ""

    @property
    def remote(self) -> bool:
        """Whether the model runs at a service rather than on this machine."""
        return self.scheme in ("openai", "huggingface")

    def __str__(self) -> str:
        prefix = "" if self.scheme in ("alias", "path") else f"{self.scheme}:"
        revision = f"@{self.revision}" if self.revision else ""
        file = f":{self.file}" if self.file else ""
        return f"{prefix}{self.name}{revision}{file}"


def parse_model_ref(text: str) -> ModelRef:
    """Parse `text` by the grammar above; aliases are not looked up here.

    Raises:
        ModelRefError: the text is empty or does not fit its scheme.
        UnknownName: a scheme that does not exist.
    """
    text = text.strip()
    if not text:
        raise ModelRefError("a model reference is empty", hint="lathe models list", field="model")
    scheme, colon, rest = text.partition(":")
    if colon and re.fullmatch(r"[a-z][a-z0-9_-]+", scheme):
        return _parse_scheme(scheme, rest, text)
    if _looks_like_path(text):
        return ModelRef("path", text)
    if not _ALIAS.fullmatch(text):
        raise ModelRefError(
            f"{text!r} is neither an alias nor a path", hint="lathe models list", field="model"
        )
    return ModelRef("alias", text.lower())


def path_ref(path: Path | str) -> str:
    """The reference that is read as `path`, and as no alias and no scheme."""
    text = str(path)
    try:
        plain = parse_model_ref(text).scheme == "path"
    except LatheError:
        plain = False
    return text if plain else f"./{text}"


def _parse_scheme(scheme: str, rest: str, text: str) -> ModelRef:
    if scheme not in SCHEMES:
        raise UnknownName("model scheme", scheme, SCHEMES, field="model")
    if not rest:
        raise ModelRefError(f"{text!r} names no model after {scheme}:", field="model")
    if scheme != "hf":
        return ModelRef(scheme, rest)  # type: ignore[arg-type]  # checked against SCHEMES above
    match = _HF.fullmatch(rest)
    if match is None:
        raise ModelRefError(
            f"{text!r} is not hf:OWNER/REPO[@REVISION][:FILE]",
            hint="for example hf:Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF:q4_k_m",
            field="model",
        )
    return ModelRef("hf", match["name"], match["revision"] or "", match["file"] or "")


def _looks_like_path(text: str) -> bool:
    return "/" in text or "\\" in text or text[0] in ".~" or text.lower().endswith(".gguf")
