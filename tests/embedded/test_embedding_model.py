"""The embedding server with its real model, as a process, spoken to over HTTP."""

import base64
import statistics
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from chatbot.embedded.vectors import DIMENSIONS, MAX_TOKENS, NAME
from chatbot.inference.connectors.embedding_limits import (
    Counting,
    ServerLimits,
    count_tokens,
    server_limits,
)
from chatbot.inference.connectors.protocol import EndpointConfig
from tests.servers import free_port, running

UPLOADS, PASSAGES = 3, 16
PASSAGE = "The brain stem connects the cerebrum with the spinal cord and keeps us breathing. " * 9


@pytest.fixture(scope="module")
def server() -> Iterator[httpx.Client]:
    port = free_port()
    command = [sys.executable, "-m", "chatbot.embedded.embedding_model", "--port", str(port)]
    with (
        running(command, port=port, stop_signal=15),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        yield client


def vectors(server: httpx.Client, *texts: str) -> NDArray[np.float64]:
    answer = server.post("/v1/embeddings", json={"model": NAME, "input": list(texts)})
    return np.array([item["embedding"] for item in answer.raise_for_status().json()["data"]])


class TestVectors:
    @pytest.mark.parametrize(
        ("question", "near", "far"),
        [
            pytest.param(
                "How do I cancel my contract?",
                "A subscription can be ended by letter, one month ahead.",
                "The river floods its banks each spring.",
                id="English",
            ),
            pytest.param(
                "계약을 해지하려면 어떻게 하나요?",
                "계약 해지는 한 달 전에 서면으로 알려야 합니다.",
                "봄이 되면 강물이 불어나 들판을 덮는다.",
                id="Korean",
            ),
            pytest.param(
                "When was Samsung founded?",
                "삼성(Samsung)은 1938년에 founded 되었다.",
                "봄이 되면 강물이 불어나 들판을 덮는다.",
                id="mixed",
            ),
        ],
    )
    def test_are_near_for_what_belongs_together(
        self, server: httpx.Client, question: str, near: str, far: str
    ) -> None:
        asked, belonging, other = vectors(server, question, near, far)

        assert asked @ belonging > asked @ other + 0.02

    def test_have_unit_length(self, server: httpx.Client) -> None:
        found = vectors(server, "one", "두 번째", "", "!?", PASSAGE * 20)

        assert found.shape == (5, DIMENSIONS)
        assert np.linalg.norm(found[[0, 1, 4]], axis=1) == pytest.approx(1, abs=1e-5)

    def test_do_not_depend_on_the_company_they_are_in(self, server: httpx.Client) -> None:
        alone = vectors(server, "What is a brain?")[0]

        among_others = vectors(server, PASSAGE, "What is a brain?", PASSAGE)[1]

        assert alone == pytest.approx(among_others, abs=1e-6)

    def test_are_the_same_in_base64(self, server: httpx.Client) -> None:
        body = {"model": NAME, "input": "hello", "encoding_format": "base64"}

        answer = server.post("/v1/embeddings", json=body).json()

        packed = base64.b64decode(answer["data"][0]["embedding"])
        assert np.frombuffer(packed, "<f4") == pytest.approx(vectors(server, "hello")[0])


class TestProtocol:
    def test_counts_tokens(self, server: httpx.Client) -> None:
        answer = server.post("/v1/embeddings", json={"input": ["one two three"]}).json()

        assert answer["model"] == NAME
        assert answer["usage"]["total_tokens"] >= 3

    def test_lists_its_model(self, server: httpx.Client) -> None:
        assert [model["id"] for model in server.get("/v1/models").json()["data"]] == [NAME]

    def test_tells_its_limits_and_counts_as_ingestion_asks_it(self, server: httpx.Client) -> None:
        endpoint = EndpointConfig(str(server.base_url.join("/v1")), NAME)

        limits = server_limits(endpoint)
        counts = count_tokens(endpoint, limits.counting, ["one two three", "한국어", "word " * 900])

        assert limits == ServerLimits(MAX_TOKENS, counting=Counting.VLLM, is_embedded=True)
        assert counts == [3, 0, 900]

    def test_refuses_to_count_what_is_no_text(self, server: httpx.Client) -> None:
        assert server.post("/tokenize", json={"prompt": 7}).status_code == 400

    @pytest.mark.parametrize(
        "body",
        [{}, {"input": []}, {"input": [[1, 2]]}, {"input": "x", "dimensions": 3}, {"input": 7}, []],
        ids=["no input", "empty", "tokens", "other dimensions", "a number", "a list"],
    )
    def test_refuses_what_it_can_not_do(self, server: httpx.Client, body: object) -> None:
        answer = server.post("/v1/embeddings", json=body)

        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"

    def test_refuses_what_is_not_json(self, server: httpx.Client) -> None:
        assert server.post("/v1/embeddings", content=b"{").status_code == 400


class TestPriority:
    def test_questions_do_not_wait_for_documents(self, server: httpx.Client) -> None:
        documents = {"model": NAME, "input": [PASSAGE] * PASSAGES}
        uploads = [
            threading.Thread(
                target=server.post, args=["/v1/embeddings"], kwargs={"json": documents}
            )
            for _ in range(UPLOADS)
        ]
        uploading = time.monotonic()
        for upload in uploads:
            upload.start()

        waits = []
        while any(upload.is_alive() for upload in uploads):
            began = time.monotonic()
            vectors(server, "What keeps us breathing?")
            waits.append(time.monotonic() - began)

        one_passage_takes = (time.monotonic() - uploading) / (UPLOADS * PASSAGES)
        assert len(waits) > 5
        assert statistics.median(waits) < one_passage_takes
