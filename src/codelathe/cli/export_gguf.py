"""`lathe export gguf`: a model becomes a GGUF file, which is run and compared before it counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codelathe.cli.console import NOT_PROVED, Output, output_options, printable
from codelathe.cli.export_parts import (
    Exportable,
    check_option,
    find_model,
    hearing,
    say_notes,
    show,
)
from codelathe.cli.options import PATH

if TYPE_CHECKING:
    from codelathe.training.data.tokenizer import Tokenizer
    from codelathe.training.export.gguf_check import Sides
    from codelathe.training.export.gguf_texts import Encode

_ANSWER = 48
#: A context, in tokens, that every prompt fits with its answer, also as a chat.
_ROOMY = 512


@click.command(short_help="Make a GGUF file of a model.")
@click.argument("model", metavar="MODEL")
@click.option(
    "--out", required=True, type=PATH, metavar="FILE.gguf",
    help="Where the file goes; it appears when it is complete.",
)  # fmt: skip
@click.option(
    "--type", "kind", default="f16", show_default=True, metavar="TYPE",
    help="f16, q8_0, q5_1 or q4_1.",
)  # fmt: skip
@check_option
@output_options
def export_gguf(model: str, out: Path, kind: str, prompts: int, as_json: bool, quiet: bool) -> int:
    """Make a GGUF file of a checkpoint, an adapter (merged on the way) or another GGUF file.

    Llama, Mistral, Qwen2, Qwen3, StarCoder2 and GPT-2. The file is read again and compared with
    the model: tokens must be the same, logits within the type's bounds; then the engines llamacpp
    and openvino write greedy texts with it, and how many are the model's own is told. Exit code 3:
    it differs by more; FILE.gguf.lathe.json has the findings.

    \b
    lathe export gguf ./my-model --out my-model.gguf
    lathe export gguf adapter:runs/my-tune --out my-tune-q8.gguf --type q8_0 --check 50
    lathe export gguf hf:HuggingFaceTB/SmolLM2-135M-Instruct --out smollm2.gguf --type q4_1 --json
    """
    output = Output(as_json, quiet)
    from codelathe.engines.transformers import require_packages
    from codelathe.training.export.gguf_check import check_gguf
    from codelathe.training.export.gguf_export import (
        GgufOrder,
        find_done,
        make_gguf,
        record_check,
    )
    from codelathe.training.export.staging import workplace
    from codelathe.wiring import open_checkpoint

    require_packages("making a GGUF file")
    found = find_model(model, output)
    order = GgufOrder(found.ref, found.path, found.sha256, out, kind.lower(), prompts, found.parts)
    file = find_done(order)
    if file is None:
        with hearing(output) as heard, ExitStack() as stack:
            made = make_gguf(order, open_checkpoint, heard)
            logits = stack.enter_context(workplace(out))  # gigabytes: not where memory may be
            sides = _sides(found, out, stack)
            check = check_gguf(sides, order.kind, prompts, logits, open_checkpoint, heard)
            file = record_check(order, made, check)
    say_notes([*file.details["notes"], *file.details["check"]["notes"]], output)
    size = file.path.stat().st_size
    if output.json:
        output.document({**file.document(), "bytes": size})
    elif not quiet:
        from codelathe.cli.progress import human_bytes

        show(file, "written", f"{printable(str(file.path))}, {human_bytes(size)}")
    return 0 if file.passed else NOT_PROVED


def _sides(found: Exportable, out: Path, stack: ExitStack) -> Sides:
    """The model and the file, as the check uses them."""
    from codelathe.core.gguf import read_gguf_header
    from codelathe.engines._converted import unreadable
    from codelathe.engines.gguf_tokenizer import GgufTokenizer
    from codelathe.training.export.gguf_check import Sides
    from codelathe.wiring import open_text_side

    header = read_gguf_header(out)
    first = None
    if found.path.is_file():  # the reader of transformers makes its own of some vocabularies
        side = open_text_side(found.ref)
        stack.callback(side.close)
        first = _encoder(side.tokenizer)
    tokenizer = stack.enter_context(closing(GgufTokenizer(header)))
    name = f"gguf:{out}"
    engines = {"llamacpp": _writer(name, "llamacpp")}
    unable = {}
    if why := unreadable(header):
        unable["openvino"] = why
    else:
        engines["openvino"] = _writer(name, "openvino")
    return Sides(
        first=found.ref,
        file=out,
        adapter=found.parts.adapter.path if found.parts else None,
        encode=_encoder(tokenizer),
        encode_first=first,
        first_texts=_writer(found.ref, "transformers", "float32"),
        engines=engines,
        unable=unable,
    )


def _encoder(tokenizer: Tokenizer) -> Encode:
    return lambda text: tokenizer.encode(text)[0]


def _writer(
    model: str, engine: str, precision: str = "auto"
) -> Callable[[Sequence[str]], list[str]]:
    """What opens the engine, lets it answer greedily, and closes it again."""

    def write(prompts: Sequence[str]) -> list[str]:
        from codelathe.core.generation import Message, Request, Sampling
        from codelathe.wiring import open_engine

        with closing(open_engine(model, engine, precision=precision)) as opened:
            context = opened.info.context_length or _ROOMY
            greedy = Sampling(max_tokens=min(_ANSWER, max(context // 4, 1)))
            chats = "messages" in opened.info.features and context >= _ROOMY
            if context < _ROOMY:  # a token is a byte at the least
                prompts = [
                    text.encode()[: context // 2].decode(errors="ignore") for text in prompts
                ]
            requests = [
                Request(messages=(Message("user", text),), sampling=greedy)
                if chats
                else Request(prompt=text, sampling=greedy)
                for text in prompts
            ]
            texts = {answer.request: answer.text for answer in opened.generate(requests)}
        return [texts[number] for number in range(len(prompts))]

    return write
