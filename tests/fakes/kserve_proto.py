"""KServe v2's messages for the scripted server, made by the protobuf library: nothing of ours.

Only the fields that chats need, with the numbers of Triton's `grpc_service.proto`. A map is, in
bytes, a repeated message of key and value.
"""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE: Final = "inference"
_FIELDS: Final[dict[str, list[tuple[int, str, str]]]] = {
    "InferParameter": [(1, "bool_param", "bool"), (3, "string_param", "string")],
    "InferTensorContents": [
        (1, "bool_contents", "repeated bool"),
        (2, "int_contents", "repeated int32"),
        (3, "int64_contents", "repeated int64"),
        (6, "fp32_contents", "repeated float"),
        (8, "bytes_contents", "repeated bytes"),
    ],
    "Parameter": [(1, "key", "string"), (2, "value", "InferParameter")],
    "Tensor": [
        (1, "name", "string"),
        (2, "datatype", "string"),
        (3, "shape", "repeated int64"),
        (5, "contents", "InferTensorContents"),
    ],
    "ModelInferRequest": [
        (1, "model_name", "string"),
        (2, "model_version", "string"),
        (3, "id", "string"),
        (4, "parameters", "repeated Parameter"),
        (5, "inputs", "repeated Tensor"),
    ],
    "ModelInferResponse": [
        (1, "model_name", "string"),
        (2, "model_version", "string"),
        (4, "parameters", "repeated Parameter"),
        (5, "outputs", "repeated Tensor"),
        (6, "raw_output_contents", "repeated bytes"),
    ],
    "ModelStreamInferResponse": [
        (1, "error_message", "string"),
        (2, "infer_response", "ModelInferResponse"),
    ],
    "ModelReadyRequest": [(1, "name", "string")],
    "ModelReadyResponse": [(1, "ready", "bool")],
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="scripted_inference.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, field_name, kind in fields:
            field = message.field.add(name=field_name, number=number)
            field.label = 3 if kind.startswith("repeated ") else 1
            of = kind.removeprefix("repeated ")
            if of in _FIELDS:
                field.type, field.type_name = 11, f".{_PACKAGE}.{of}"
            else:
                field.type = descriptor_pb2.FieldDescriptorProto.Type.Value(f"TYPE_{of.upper()}")
            if name == "InferParameter":
                field.oneof_index = 0
    for message in file.message_type:
        if message.name == "InferParameter":
            message.oneof_decl.add(name="parameter_choice")
    return file


_POOL: Final = descriptor_pool.DescriptorPool()
_POOL.Add(_file())


def message(name: str, /, **fields: Any) -> Any:  # noqa: ANN401 - a class made at run time
    """A message of the kind."""
    found = _POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}")
    return message_factory.GetMessageClass(found)(**fields)


def parsed(name: str, data: bytes) -> Any:  # noqa: ANN401 - as above
    made = message(name)
    made.ParseFromString(data)
    return made
