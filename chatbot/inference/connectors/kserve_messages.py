"""The few messages of KServe v2 that chats need, to bytes and back.

They are protocol buffers; the numbers are those of `grpc_service.proto`. Fields that nobody here
asks for are skipped, as the format has it.
https://github.com/triton-inference-server/common/blob/main/protobuf/grpc_service.proto
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from chatbot.inference.connectors.errors import MalformedAnswer

TensorValue = bool | int | float | str

# Kinds of fields.
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
# Fields: of a request or response of a model, of what wraps a response in a stream, of a tensor.
_MODEL_NAME, _PARAMETERS, _TENSORS, _RAW_CONTENTS = 1, 4, 5, 6
_ERROR_MESSAGE, _INFER_RESPONSE = 1, 2
_NAME, _DATATYPE, _SHAPE, _CONTENTS = 1, 2, 3, 5
_BOOLS, _INTS, _LONG_INTS, _FLOATS, _TEXTS = 1, 2, 3, 6, 8
_KEY, _VALUE, _BOOL_VALUE, _IS_READY = 1, 2, 1, 1
_FIXED_BYTES: Final = {_FIXED64: 8, _FIXED32: 4}
_INT64: Final = 1 << 64
_INT32_END: Final = 1 << 31
_VARINT_BYTES: Final = 10
_MORE_FOLLOWS: Final = 0x80
_SEVEN_BITS: Final = 0x7F
_EMPTY_FINAL_RESPONSE: Final = "triton_enable_empty_final_response"
_FINAL_RESPONSE: Final = b"triton_final_response"


@dataclass(slots=True)
class StreamResponse:
    """A `ModelStreamInferResponse`."""

    error: str = ""
    outputs: dict[str, bytes] = field(default_factory=dict)
    """Tensors of BYTES, their elements joined."""
    is_final: bool | None = None
    """Triton's word for it; None: the server doesn't say."""


# --- to bytes ---


def model_infer_request(
    model: str, inputs: Mapping[str, TensorValue], *, is_batched: bool = False
) -> bytes:
    """A `ModelInferRequest`: inputs of one element each. Triton is asked to tell the end."""
    wants_end = _text(_KEY, _EMPTY_FINAL_RESPONSE) + _bytes(_VALUE, _number(_BOOL_VALUE, 1))
    shape = _bytes(_SHAPE, b"\1\1" if is_batched else b"\1")
    tensors = (
        _bytes(_TENSORS, _text(_NAME, name) + _tensor(value, shape=shape))
        for name, value in inputs.items()
    )
    return _text(_MODEL_NAME, model) + _bytes(_PARAMETERS, wants_end) + b"".join(tensors)


def can_send(value: TensorValue) -> bool:
    """Whether a number is in the range of its type."""
    if isinstance(value, float):
        try:
            struct.pack("<f", value)
        except OverflowError:
            return False
    return not isinstance(value, int) or -_INT64 // 2 <= value < _INT64 // 2


def model_ready_request(model: str) -> bytes:
    return _text(_MODEL_NAME, model)


def _tensor(value: TensorValue, *, shape: bytes) -> bytes:
    """Type, shape and contents: typed, so that no byte order has to be agreed on."""
    if isinstance(value, bool):
        kind, contents = "BOOL", _bytes(_BOOLS, bytes([value]))
    elif isinstance(value, int) and not -_INT32_END <= value < _INT32_END:
        kind, contents = "INT64", _bytes(_LONG_INTS, _varint(value))
    elif isinstance(value, int):
        kind, contents = "INT32", _bytes(_INTS, _varint(value))
    elif isinstance(value, float):
        kind, contents = "FP32", _bytes(_FLOATS, struct.pack("<f", value))
    else:
        kind, contents = "BYTES", _text(_TEXTS, value)
    return _text(_DATATYPE, kind) + shape + _bytes(_CONTENTS, contents)


def _varint(value: int) -> bytes:
    value %= _INT64
    out = bytearray()
    while value > _SEVEN_BITS:
        out.append(value & _SEVEN_BITS | _MORE_FOLLOWS)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3 | _VARINT) + _varint(value)


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH) + _varint(len(value)) + value


def _text(number: int, value: str) -> bytes:
    return _bytes(number, value.encode())


# --- and back ---


def stream_response(message: bytes) -> StreamResponse:
    """Raises MalformedAnswer: it isn't one."""
    response = StreamResponse()
    for number, value in _fields(message):
        if number == _ERROR_MESSAGE:
            response.error = _as_bytes(value).decode(errors="replace")
        elif number == _INFER_RESPONSE:
            _read_infer_response(_as_bytes(value), response)
    return response


def is_ready(message: bytes) -> bool:
    """What a `ModelReadyResponse` says; raises MalformedAnswer."""
    return any(number == _IS_READY and value == 1 for number, value in _fields(message))


def _read_infer_response(message: bytes, response: StreamResponse) -> None:
    names: list[bytes] = []
    raw: list[bytes] = []
    for number, value in _fields(message):
        if number == _PARAMETERS:
            _read_parameter(_as_bytes(value), response)
        elif number == _TENSORS:
            names.append(_read_output(_as_bytes(value), response))
        elif number == _RAW_CONTENTS:
            raw.append(_as_bytes(value))
    for name, contents in zip(names, raw, strict=False):
        if name:
            response.outputs[name.decode(errors="replace")] = _elements(contents)


def _read_parameter(entry: bytes, response: StreamResponse) -> None:
    said = dict(_fields(entry))
    if said.get(_KEY) == _FINAL_RESPONSE:
        response.is_final = any(
            number == _BOOL_VALUE and value == 1
            for number, value in _fields(_as_bytes(said.get(_VALUE, b"")))
        )


def _read_output(tensor: bytes, response: StreamResponse) -> bytes:
    """Its name; empty: it is no text. Contents may also follow in raw form."""
    name, kind, contents = b"", b"", None
    for number, value in _fields(tensor):
        if number == _NAME:
            name = _as_bytes(value)
        elif number == _DATATYPE:
            kind = _as_bytes(value)
        elif number == _CONTENTS:
            contents = _as_bytes(value)
    if kind != b"BYTES":
        return b""
    if contents is not None:
        elements = (_as_bytes(value) for number, value in _fields(contents) if number == _TEXTS)
        response.outputs[name.decode(errors="replace")] = b"".join(elements)
    return name


def _elements(raw: bytes) -> bytes:
    """Each has its length before it, in four bytes."""
    found = []
    position = 0
    while position < len(raw):
        start = position + 4
        position = start + int.from_bytes(raw[position:start], "little")
        if start > len(raw) or position > len(raw):
            raise MalformedAnswer("a tensor of texts is shorter than it says")
        found.append(raw[start:position])
    return b"".join(found)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values, in their order."""
    position, end = 0, len(message)
    while position < end:
        key, position = _read_varint(message, position)
        kind = key & 7
        if kind == _VARINT:
            value, position = _read_varint(message, position)
            yield key >> 3, value
            continue
        if kind == _LENGTH:
            size, position = _read_varint(message, position)
        elif kind in _FIXED_BYTES:
            size = _FIXED_BYTES[kind]
        else:
            raise MalformedAnswer(f"a message has a field of the unknown kind {kind}")
        if position + size > end:
            raise MalformedAnswer("a message is shorter than it says")
        yield key >> 3, message[position : position + size]
        position += size


def _read_varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index in range(_VARINT_BYTES):
        if position + index >= len(message):
            break
        byte = message[position + index]
        value |= (byte & _SEVEN_BITS) << 7 * index
        if byte < _MORE_FOLLOWS:
            return value, position + index + 1
    raise MalformedAnswer("a message ends within a number")


def _as_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise MalformedAnswer("a field of a message is of another type")
    return value
