"""Gives a converted model back what OpenVINO's GGUF reader rounds away.

A 4-bit block of the types Q4_K and Q4_1 stands for the weights `scale * q - offset`. The
reader keeps `scale * (q - z)` with `z = offset / scale` rounded to a whole number, which
moves each weight by up to half a step: as much error again as the quantization itself
(8% of the weights' norm). The processor's fast kernels take whole `z` only, so the model
gets what is missing as a correction beside them. The remainder is one number for each block,

    y = x W' + (sum of x over each block) R,      R = scale * z - offset

with `R` in 8 bits, for 3% more work. Embeddings are looked up, not multiplied; there the exact
`z` itself is put in place, as a fraction. docs/engines.md has what this gains and costs.

Blocks follow ggml's definition of Q4_K and Q4_1 (ggml-org/ggml, ggml-common.h). This runs in
the child process that converts; nothing else needs numpy arrays of whole models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelathe.core.gguf import GgufHeader, Tensor, read_gguf_header

BLOCK = 32
_Q4_K_BYTES, _Q4_1_BYTES = 144, 20


@dataclass(frozen=True, slots=True)
class _Blocks:
    """A tensor of N rows by K: `q` [N, K] of 0..15, `scale` and `offset` [N, K / 32]."""

    name: str
    q: Any
    scale: Any
    offset: Any


@dataclass(frozen=True, slots=True)
class _Weight:
    """The same tensor as the reader built it: its last node, and the constants behind it."""

    node: Any
    subtract: Any
    q: Any
    z: Any
    scale: Any


def restore_zero_points(gguf: Path, folder: Path) -> int:
    """Correct the model in `folder`, converted from `gguf`; how many tensors were corrected.

    Raises:
        LookupError: a 4-bit tensor of the file is not found in the model.
    """
    import openvino

    header = read_gguf_header(gguf)
    source = folder / "openvino_model.xml"
    model = openvino.Core().read_model(source)
    weights = _weights(model)
    sums: dict[Any, Any] = {}
    corrected = 0
    for blocks in _four_bit(header):
        weight, order = _find(blocks, weights[blocks.q.shape])
        weights[blocks.q.shape].remove(weight)
        _correct(weight, blocks.offset[order], sums)
        corrected += 1
    if corrected:
        model.validate_nodes_and_infer_types()
        # The old weights are mapped while the model lives: write beside them, then replace.
        target = folder / "corrected.xml"
        openvino.save_model(model, target, compress_to_fp16=False)
        del model, weights, sums
        target.replace(source)
        target.with_suffix(".bin").replace(source.with_suffix(".bin"))
    return corrected


def _weights(model: Any) -> dict[tuple[int, int], list[_Weight]]:
    """The 4-bit weights of the model by shape: Multiply(Subtract(q, z), scale)."""
    import openvino

    found: dict[tuple[int, int], list[_Weight]] = defaultdict(list)
    for node in model.get_ops():
        if node.get_type_name() != "Multiply":
            continue
        subtract = node.input_value(0).get_node()
        if subtract.get_type_name() != "Subtract":
            continue
        q, z = (_behind_convert(subtract.input_value(side).get_node()) for side in (0, 1))
        if q.get_type_name() == "Constant" and q.get_element_type() == openvino.Type.u4:
            rows, blocks, size = q.get_output_shape(0)
            scale = node.input_value(1).get_node()
            found[rows, blocks * size].append(_Weight(node, subtract, q, z, scale))
    return found


def _behind_convert(node: Any) -> Any:
    return node.input_value(0).get_node() if node.get_type_name() == "Convert" else node


def _find(blocks: _Blocks, candidates: list[_Weight]) -> tuple[_Weight, Any]:
    """The weight that holds `blocks`, and which row of them each of its rows is.

    Names do not survive the reader, and it reorders the rows of queries and keys of some
    architectures; the 4-bit values themselves tell.
    """
    import numpy

    for weight in candidates:
        if numpy.array_equal(_nibbles(weight.q, blocks.q.shape), blocks.q):
            return weight, slice(None)
    known = {row.tobytes(): index for index, row in enumerate(blocks.q)}
    for weight in candidates:
        order = [known.get(row.tobytes()) for row in _nibbles(weight.q, blocks.q.shape)]
        if None not in order:
            return weight, numpy.array(order)
    raise LookupError(f"the converted model has no tensor like {blocks.name}")


def _nibbles(constant: Any, shape: tuple[int, ...]) -> Any:
    import numpy

    packed = numpy.frombuffer(constant.data.tobytes(), numpy.uint8)
    count = shape[0] * shape[1]
    return numpy.stack([packed & 15, packed >> 4], axis=1).reshape(-1)[:count].reshape(shape)


def _correct(weight: _Weight, offset: Any, sums: dict[Any, Any]) -> None:
    import numpy

    scale = numpy.asarray(weight.scale.data, numpy.float32).reshape(offset.shape)
    user = weight.node
    while user.get_type_name() not in ("MatMul", "Gather"):
        user = next(iter(user.output(0).get_target_inputs())).get_node()
    if user.get_type_name() == "Gather":
        _put_fraction(weight, scale, offset)
    else:
        z = _nibbles(weight.z, offset.shape).astype(numpy.float32)
        _add_remainder(user, scale * z - offset, sums)


def _put_fraction(weight: _Weight, scale: Any, offset: Any) -> None:
    import numpy
    from openvino import opset13 as ops

    z = numpy.divide(offset, scale, out=numpy.zeros_like(scale), where=scale != 0)
    exact = ops.constant(z.astype(numpy.float16)[..., None])
    weight.subtract.input(1).replace_source_output(exact.output(0))


def _add_remainder(product: Any, remainder: Any, sums: dict[Any, Any]) -> None:
    """Add `x`'s sums over blocks times `remainder` [N, K / 32], in 8 bits a row, to `product`."""
    import numpy
    from openvino import opset13 as ops

    step = numpy.abs(remainder).max(axis=1, keepdims=True) / 127
    step = numpy.maximum(step, numpy.finfo(numpy.float16).tiny).astype(numpy.float16)
    small = numpy.rint(remainder / step.astype(numpy.float32)).clip(-127, 127).astype(numpy.int8)
    half = ops.multiply(ops.convert(ops.constant(small), "f16"), ops.constant(step))
    x = product.input_value(0)
    key = (x.get_node().get_friendly_name(), x.get_index())
    if key not in sums:  # queries, keys and values share their input; gate and up do too
        shape = numpy.array([0, 0, remainder.shape[1], BLOCK], numpy.int64)
        blocks = ops.reshape(x, ops.constant(shape), special_zero=True)
        sums[key] = ops.reduce_sum(blocks, ops.constant(numpy.array([3], numpy.int64)))
    users = list(product.output(0).get_target_inputs())
    missing = ops.matmul(sums[key], ops.convert(half, "f32"), False, True)
    whole = ops.add(product.output(0), missing)
    for consumer in users:
        consumer.replace_source_output(whole.output(0))


def _four_bit(header: GgufHeader) -> Iterator[_Blocks]:
    import numpy

    data = numpy.memmap(header.path, numpy.uint8, "r")
    for tensor in header.tensors:
        if tensor.type in ("Q4_K", "Q4_1") and tensor.nbytes is not None:
            begin = header.data_start + tensor.offset
            raw = numpy.asarray(data[begin : begin + tensor.nbytes])
            yield (_q4_k if tensor.type == "Q4_K" else _q4_1)(tensor, raw)


def _q4_k(tensor: Tensor, raw: Any) -> _Blocks:
    """Super-blocks of 256: d and dmin (f16), 8 scales and 8 offsets of 6 bits, 256 nibbles."""
    import numpy

    block = raw.reshape(-1, _Q4_K_BYTES)
    d, dmin = (block[:, at : at + 2].copy().view(numpy.float16) for at in (0, 2))
    low, high, mixed = block[:, 4:8], block[:, 8:12], block[:, 12:16]
    scale = numpy.hstack([low & 63, (mixed & 15) | (low >> 6 << 4)])
    offset = numpy.hstack([high & 63, (mixed >> 4) | (high >> 6 << 4)])
    nibbles = block[:, 16:].reshape(-1, 4, 1, BLOCK)
    q = numpy.concatenate([nibbles & 15, nibbles >> 4], axis=2)
    return _blocks(tensor, q, d.astype(numpy.float32) * scale, dmin.astype(numpy.float32) * offset)


def _q4_1(tensor: Tensor, raw: Any) -> _Blocks:
    """Blocks of 32: scale and minimum (f16), 32 nibbles."""
    import numpy

    block = raw.reshape(-1, _Q4_1_BYTES)
    scale, minimum = (
        block[:, at : at + 2].copy().view(numpy.float16).astype(numpy.float32) for at in (0, 2)
    )
    return _blocks(tensor, numpy.hstack([block[:, 4:] & 15, block[:, 4:] >> 4]), scale, -minimum)


def _blocks(tensor: Tensor, q: Any, scale: Any, offset: Any) -> _Blocks:
    columns, rows = tensor.shape
    by_block = (rows, columns // BLOCK)
    return _Blocks(
        tensor.name, q.reshape(rows, columns), scale.reshape(by_block), offset.reshape(by_block)
    )
