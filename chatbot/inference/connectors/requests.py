"""What requests to every endpoint have in common."""

import httpx

from chatbot.inference.connectors.protocol import EndpointConfig
from chatbot.inference.connectors.statuses import error_of_status


def endpoint_request(
    endpoint: EndpointConfig,
    path: str,
    *,
    timeout: httpx.Timeout,
    content: bytes | None = None,
) -> httpx.Request:
    """A POST of JSON, or a GET where there is no content; `path` follows the base address."""
    headers = {"accept-encoding": "identity"}
    if content is not None:
        headers["content-type"] = "application/json"
    if endpoint.api_key:
        headers["authorization"] = f"Bearer {endpoint.api_key}"
    return httpx.Request(
        "GET" if content is None else "POST",
        f"{endpoint.base_url}/{path}",
        headers=headers,
        content=content,
        extensions={"timeout": timeout.as_dict()},
    )


def raise_unless_success(endpoint: EndpointConfig, response: httpx.Response, body: bytes) -> None:
    """Raises the InferenceError for the status; a server that repeats our key isn't quoted."""
    if response.is_success:
        return
    if endpoint.api_key:
        body = body.replace(endpoint.api_key.encode(), b"***")
    raise error_of_status(response.status_code, body, headers=response.headers)
