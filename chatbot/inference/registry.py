"""From rows to connectors: which class speaks an endpoint's protocol."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from django.conf import settings

from chatbot.inference.api_keys import decrypted
from chatbot.inference.connectors.anthropic import AnthropicChat
from chatbot.inference.connectors.embedding_options import EmbeddingOptions
from chatbot.inference.connectors.embeddings import AsyncOpenAIEmbeddings, OpenAIEmbeddings
from chatbot.inference.connectors.kserve_grpc import KServeGRPCChat
from chatbot.inference.connectors.kserve_http import KServeHTTPChat
from chatbot.inference.connectors.openai import OpenAIChat
from chatbot.inference.connectors.protocol import (
    AsyncEmbeddingClient,
    ChatConnector,
    EmbeddingClient,
    EndpointConfig,
    StreamLimits,
)
from chatbot.inference.connectors.session import SessionChat
from chatbot.inference.connectors.sessions import MemorySessions, SessionStore
from chatbot.inference.models import InferenceEndpoint, ModelKind, Protocol

_SESSIONS: Final = MemorySessions()
CHAT_CONNECTORS: Final[dict[str, Callable[[EndpointConfig], ChatConnector]]] = {
    Protocol.OPENAI: OpenAIChat,
    Protocol.ANTHROPIC: AnthropicChat,
    Protocol.KSERVE_HTTP: KServeHTTPChat,
    Protocol.KSERVE_GRPC: KServeGRPCChat,
    Protocol.SESSION: partial(SessionChat, sessions=_SESSIONS),
}
"""What speaks each protocol. Raises OptionsWrong."""
QUESTION_SECONDS = 10.0
"""For the embedding of a question, with a person waiting."""
BATCH_SECONDS = 60.0


def endpoint_config(endpoint: InferenceEndpoint) -> EndpointConfig:
    """What a connector needs of the row and its model; reads nothing more from the database.

    Raises:
        ApiKeyUnreadable: SECRET_KEY has changed.
    """
    return EndpointConfig(
        base_url=endpoint.base_url.rstrip("/"),
        model=endpoint.upstream_model,
        api_key=decrypted(endpoint.encrypted_api_key),
        limits=StreamLimits(
            connect=endpoint.connect_seconds,
            first_token=endpoint.first_token_seconds or settings.CHAT_FIRST_TOKEN_SECONDS,
            between_tokens=endpoint.between_tokens_seconds,
            total=endpoint.total_seconds,
        ),
        protocol=endpoint.protocol,
        context_tokens=endpoint.model.context_tokens,
        options=endpoint.options,
    )


def connector_for(
    endpoint: InferenceEndpoint, *, sessions: SessionStore | None = None
) -> ChatConnector:
    """A chat connector. `sessions`: where those at other servers are remembered; None: here.

    Raises:
        ApiKeyUnreadable: SECRET_KEY has changed.
        OptionsWrong: the endpoint's options are none of its protocol's.
    """
    config = endpoint_config(endpoint)
    if sessions is not None and endpoint.protocol == Protocol.SESSION:
        return SessionChat(config, sessions)
    return CHAT_CONNECTORS[endpoint.protocol](config)


def check_options(protocol: str, options: Mapping[str, Any], *, kind: str = ModelKind.CHAT) -> None:
    """Raises OptionsWrong: they are none of the protocol's, or of an embedding model's."""
    if kind == ModelKind.EMBEDDING:
        EmbeddingOptions.read(options)
        return
    CHAT_CONNECTORS[protocol](EndpointConfig(base_url="", model="", options=options))


def embedding_client_for(
    endpoint: InferenceEndpoint,
    *,
    dimensions: int | None = None,
    timeout_seconds: float = BATCH_SECONDS,
) -> EmbeddingClient:
    """For workers: a client that threads can share; raises ApiKeyUnreadable.

    `dimensions`: what the index expects; vectors of another length are an error.
    """
    return OpenAIEmbeddings(
        endpoint_config(endpoint), dimensions=dimensions, timeout_seconds=timeout_seconds
    )


def async_embedding_client_for(
    endpoint: InferenceEndpoint,
    *,
    dimensions: int | None = None,
    timeout_seconds: float = QUESTION_SECONDS,
) -> AsyncEmbeddingClient:
    """For the chat service; raises ApiKeyUnreadable."""
    return AsyncOpenAIEmbeddings(
        endpoint_config(endpoint), dimensions=dimensions, timeout_seconds=timeout_seconds
    )
