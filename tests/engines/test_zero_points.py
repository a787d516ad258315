"""What OpenVINO's reader rounds away is given back."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy
import openvino
import pytest
from openvino import opset13 as ops

from codelathe.core.gguf import Tensor
from codelathe.engines._zero_points import _q4_k, restore_zero_points

ROWS, COLUMNS, BLOCK = 48, 64, 32
Q4_1 = 3


@pytest.fixture
def blocks() -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Nibbles, scales and minima of a [ROWS, COLUMNS] tensor of the type Q4_1."""
    random = numpy.random.default_rng(7)
    q = random.integers(0, 16, (ROWS, COLUMNS), numpy.uint8)
    scale = random.uniform(0.01, 0.02, (ROWS, COLUMNS // BLOCK)).astype(numpy.float16)
    minimum = -(scale * random.uniform(2, 12, scale.shape)).astype(numpy.float16)
    return q, scale, minimum


def dense(blocks: tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]) -> numpy.ndarray:
    q, scale, minimum = blocks
    by_block = q.reshape(ROWS, -1, BLOCK) * scale[..., None].astype(numpy.float32)
    return (by_block + minimum[..., None]).reshape(ROWS, COLUMNS)


def write_gguf(path: Path, blocks: tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]) -> None:
    q, scale, minimum = blocks
    halves = q.reshape(-1, 2, BLOCK // 2)
    data = numpy.hstack(
        [
            scale.reshape(-1, 1).view(numpy.uint8),
            minimum.reshape(-1, 1).view(numpy.uint8),
            halves[:, 0] | halves[:, 1] << 4,
        ]
    ).tobytes()
    name = b"blk.0.ffn_up.weight"
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + struct.pack("<Q", len(name)) + name
    head += struct.pack("<IQQIQ", 2, COLUMNS, ROWS, Q4_1, 0)
    path.write_bytes(head.ljust(-(-len(head) // 32) * 32, b"\0") + data)


def write_model(
    folder: Path, blocks: tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray], rows: numpy.ndarray
) -> None:
    """A product with the weight as OpenVINO's reader builds it, zero points rounded."""
    q, scale, minimum = (part[rows] for part in blocks)
    shape = [ROWS, COLUMNS // BLOCK, BLOCK]
    whole = numpy.rint(-minimum / scale).astype(numpy.uint8)

    def four_bit(values: numpy.ndarray, shape: list[int]) -> openvino.Node:
        flat = values.reshape(-1, 2)
        packed = openvino.Tensor(openvino.Type.u4, openvino.Shape(shape))
        packed.data[:] = flat[:, 0] | flat[:, 1] << 4
        return ops.convert(ops.constant(packed), "f16")

    shifted = ops.subtract(four_bit(q, shape), four_bit(whole, [*shape[:2], 1]))
    weight = ops.multiply(shifted, ops.constant(scale[..., None]))
    flat = ops.reshape(weight, ops.constant(numpy.array([ROWS, COLUMNS])), special_zero=False)
    x = ops.parameter([-1, -1, COLUMNS], numpy.float32, name="x")
    product = ops.matmul(x, ops.convert(flat, "f32"), False, True)
    openvino.save_model(
        openvino.Model([product], [x]), folder / "openvino_model.xml", compress_to_fp16=False
    )


def run(folder: Path, x: numpy.ndarray) -> numpy.ndarray:
    compiled = openvino.Core().compile_model(
        folder / "openvino_model.xml",
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0},
    )
    return compiled([x])[0]


@pytest.mark.parametrize("rows", ["as they are", "reordered"])
def test_a_corrected_product_is_that_of_the_files_own_weights(
    tmp_path: Path, blocks: tuple[numpy.ndarray, ...], rows: str
) -> None:
    order = numpy.arange(ROWS) if rows == "as they are" else numpy.arange(ROWS)[::-1].copy()
    write_gguf(tmp_path / "tiny.gguf", blocks)
    write_model(tmp_path, blocks, order)
    x = numpy.random.default_rng(8).standard_normal((1, 5, COLUMNS), numpy.float32)
    exact = x @ dense(blocks)[order].T
    before = numpy.abs(run(tmp_path, x) - exact).max()
    restore_zero_points(tmp_path / "tiny.gguf", tmp_path)
    assert numpy.abs(run(tmp_path, x) - exact).max() < before / 20


def test_a_model_without_the_files_weights_is_not_passed_off_as_corrected(
    tmp_path: Path, blocks: tuple[numpy.ndarray, ...]
) -> None:
    q, scale, minimum = blocks
    write_gguf(tmp_path / "tiny.gguf", blocks)
    write_model(tmp_path, ((q + 1) % 16, scale, minimum), numpy.arange(ROWS))
    with pytest.raises(LookupError, match="ffn_up"):
        restore_zero_points(tmp_path / "tiny.gguf", tmp_path)


def test_super_blocks_are_read_as_ggml_defines_them() -> None:
    raw = numpy.random.default_rng(9).integers(0, 256, 2 * 144, numpy.uint8)
    raw[0:4] = raw[144:148] = numpy.array([0.5, 0.25], numpy.float16).view(numpy.uint8)
    blocks = _q4_k(Tensor("t", (256, 2), "Q4_K", 0, 288), raw)
    expected = []
    for row in raw.reshape(2, 144):
        for j in range(8):  # get_scale_min_k4, one sub-block at a time
            s = row[4:16]
            if j < 4:
                scale, offset = s[j] & 63, s[j + 4] & 63
            else:
                scale = (s[j + 4] & 15) | (s[j - 4] >> 6 << 4)
                offset = (s[j + 4] >> 4) | (s[j] >> 6 << 4)
            nibbles = row[16 + j // 2 * 32 :][:32] >> (4 * (j % 2)) & 15
            expected += [0.5 * scale * int(n) - 0.25 * offset for n in nibbles]
    read = blocks.q.reshape(2, 8, 32) * blocks.scale[..., None] - blocks.offset[..., None]
    assert read.ravel().tolist() == expected
