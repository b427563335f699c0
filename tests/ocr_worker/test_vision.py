"""Pages read by a model on a server: a real one, which does what a script says."""

import base64
from dataclasses import replace

import pytest
from pytest_django import Settings

from chatbot.contracts.errors import DocumentFault, Unavailable
from chatbot.inference.connectors.errors import BadRequest, ServerBusy, ServerGone
from ocr_worker import sandbox
from ocr_worker.vision import transcribe
from tests.fakes.scripted_server import ScriptedServer

PICTURE = b"\xff\xd8" + b"x" * 20_000


@pytest.fixture(autouse=True)
def _server(settings: Settings, scripted_server: ScriptedServer) -> None:
    settings.OCR_VISION_SERVER = replace(
        settings.OCR_VISION_SERVER, url=scripted_server.base_url, model="sees"
    )


class TestTranscribe:
    def test_sends_the_picture_and_what_is_wanted(self, scripted_server: ScriptedServer) -> None:
        scripted_server.script(text="The text.")

        assert transcribe(PICTURE) == "The text."
        [request] = scripted_server.requests()
        [system, asked] = request["messages"]
        [part] = asked["content"]
        assert part["image_url"]["url"] == (
            f"data:image/jpeg;base64,{base64.b64encode(PICTURE).decode()}"
        )
        assert "data: sentences on it" in system["content"]
        assert (request["model"], request["temperature"]) == ("sees", 0)

    @pytest.mark.parametrize(
        ("answer", "text"),
        [
            ("```markdown\n# Title\n\nText.\n```", "# Title\n\nText."),
            ("[no text]", ""),
            ("  A line.\n", "A line."),
        ],
        ids=["a fence", "no text", "white space"],
    )
    def test_keeps_the_text_alone(
        self, scripted_server: ScriptedServer, answer: str, text: str
    ) -> None:
        scripted_server.script(text=answer)

        assert transcribe(PICTURE) == text

    def test_keeps_no_more_than_a_page_can_hold(self, scripted_server: ScriptedServer) -> None:
        scripted_server.script(text="word" * 20_000)

        assert len(transcribe(PICTURE)) == 50_000

    def test_blames_the_page_that_the_server_refuses(self, scripted_server: ScriptedServer) -> None:
        scripted_server.script(largest_picture=5_000)

        with pytest.raises(DocumentFault) as raised:
            transcribe(PICTURE)

        assert raised.value.error_code == "ocr-refused"
        assert len(scripted_server.requests()) == 2

    def test_blames_the_page_whose_text_is_kept_back(self, scripted_server: ScriptedServer) -> None:
        scripted_server.script(text="", finish_reason="content_filter")

        with pytest.raises(DocumentFault) as raised:
            transcribe(PICTURE)

        assert raised.value.error_code == "ocr-refused"

    @pytest.mark.parametrize(
        ("status", "error"),
        [(503, ServerBusy), (500, ServerGone), (400, BadRequest)],
        ids=["busy", "broken", "no pictures at all"],
    )
    def test_waits_for_a_server_that_takes_nothing(
        self, scripted_server: ScriptedServer, status: int, error: type[Unavailable]
    ) -> None:
        scripted_server.script(error_status=status)

        with pytest.raises(error):
            transcribe(PICTURE)

    def test_waits_until_it_is_set_up(self, settings: Settings) -> None:
        settings.OCR_VISION_SERVER = replace(settings.OCR_VISION_SERVER, url="", model="")

        with pytest.raises(Unavailable) as raised:
            transcribe(PICTURE)

        assert raised.value.error_code == "ocr-engine-missing"


class TestPictures:
    def test_are_jpeg(self) -> None:
        assert sandbox.blank_picture().startswith(b"\xff\xd8\xff")
