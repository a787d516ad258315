"""Engine `auto`: llama.cpp for one answer, OpenVINO for several at a time.

llama.cpp writes one answer nearly twice as fast and begins sooner; OpenVINO writes many
in a batch several times as fast (docs/engines.md). Where OpenVINO cannot read the model,
llama.cpp does it all, and `info.name` says so. Only one of the two holds the model in
memory at any time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Sequence
from dataclasses import replace

from codelathe.core.generation import Completion, Engine, EngineInfo, Request, Watch
from codelathe.core.gguf import read_gguf_header
from codelathe.engines._converted import unreadable
from codelathe.engines._prompting import Template
from codelathe.engines.llamacpp import LlamaCppEngine
from codelathe.engines.openvino import OpenVinoEngine


class AutoEngine:
    """Both local engines behind one; `Completion.engine` tells which one answered.

    Raises:
        ModelFileError: the file is no GGUF file or is cut short.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        template: Template | None = None,
        cache_dir: str | os.PathLike[str],
        model: str = "",
    ) -> None:
        self._single = LlamaCppEngine(path, template=template, cache_dir=cache_dir, model=model)
        #: Why there is no batch engine for this model, empty where there is one.
        self.fallback = unreadable(read_gguf_header(path))
        self._many: Engine = self._single
        if not self.fallback:
            self._many = OpenVinoEngine(path, template=template, cache_dir=cache_dir, model=model)
        self._in_use: Engine = self._single
        self._lock = threading.Lock()

    @property
    def info(self) -> EngineInfo:
        """Names the engine or engines that may answer."""
        info = self._single.info
        if self.fallback:
            return replace(info, name=f"auto: llamacpp (OpenVINO cannot: {self.fallback})")
        return replace(
            info,
            name="auto: llamacpp | openvino",
            version=f"{info.version}, {self._many.info.version}",
        )

    def generate(
        self, requests: Sequence[Request], watch: Watch | None = None
    ) -> Generator[Completion]:
        """Yield the answers of the engine that suits their number.

        Raises:
            EngineError: as the engine chosen does.
        """
        several = sum(request.n for request in requests) > 1
        chosen = self._many if several else self._single
        with self._lock:
            if chosen is not self._in_use:
                self._in_use.close()
                self._in_use = chosen
        return chosen.generate(requests, watch)

    def close(self) -> None:
        """Free the model, whichever engine holds it."""
        with self._lock:
            self._single.close()
            self._many.close()
