"""The main jobs in a browser, on the components that `make up` starts; none of them is a fake."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.e2e.browser import browser_page
from tests.e2e.stack import ADMIN_EMAIL, ADMIN_PASSWORD, Stack
from tests.fakes.web_server import running_web_server
from tests.servers import free_port
from tests.webhooks.received import received

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DATA = Path(__file__).resolve().parents[1] / "data"
ENGLISH_PDF = "english.pdf"
KOREAN_SCAN = "korean-scan.jpg"
ENGLISH_DOCX = "english.docx"
READ_MILLISECONDS = 120_000
ANSWER_MILLISECONDS = 120_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("main-job")
    with Stack(home, free_port(), OUTBOUND_PRIVATE_HOSTS="127.0.0.1") as running_stack:
        yield running_stack


@pytest.fixture
def troubles() -> list[str]:
    """What the browser's console complained of."""
    return []


@pytest.fixture
def page(stack: Stack, troubles: list[str]) -> Iterator[Page]:
    """Signed in as the admin."""

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            troubles.append(message.text)

    with browser_page() as opened:
        opened.on("console", listen)
        opened.on("pageerror", lambda error: troubles.append(str(error)))
        opened.goto(stack.url)
        opened.get_by_label("E-mail").fill(ADMIN_EMAIL)
        opened.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
        # Before this the page learns with a 401 that nobody is signed in.
        troubles.clear()
        opened.get_by_role("button", name="Sign in").click()
        expect(opened.get_by_role("heading", name="What do you want to know?")).to_be_visible()
        yield opened


def picture(page: Page, name: str) -> None:
    """A screenshot for people, where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


class TestMainJob:
    def test_goes_from_documents_to_a_cited_answer(self, page: Page, troubles: list[str]) -> None:
        picture(page, "1-signed-in")
        make_brain(page, "Field notes")
        add_documents(page)
        ask(page, "Who patented the typewriter in 1868?")
        open_source(page)
        ask(page, "피보험자의 상해에 대한 위험을 보장하는 보험계약")

        scan = page.get_by_role(
            "button", name=re.compile(f"^Open the source.*{KOREAN_SCAN}", re.DOTALL)
        )
        expect(scan.first).to_be_visible()
        picture(page, "7-korean")
        assert troubles == []


class TestWebhooks:
    def test_are_added_tried_changed_and_deleted_in_the_settings(
        self, page: Page, troubles: list[str]
    ) -> None:
        make_brain(page, "Told elsewhere")
        page.get_by_role("tab", name="Settings").click()
        webhooks = page.get_by_role("region", name="Webhooks")
        expect(webhooks.get_by_text("No webhooks yet")).to_be_visible()
        picture(page, "8-no-webhooks")
        with running_web_server() as receiver:
            receiver.gives("/hook")
            secret = add_webhook(page, receiver.url("/hook"))

            webhooks.get_by_role("button", name="Send a test").press("Enter")
            expect(webhooks.get_by_role("listitem").get_by_text("delivered")).to_be_visible()
            picture(page, "10-delivered")
            changed = change_webhook(page, receiver.url("/moved"))
        expect(webhooks.get_by_role("article", name=changed)).to_contain_text(
            "Document was deleted"
        )
        webhooks.get_by_role("button", name="Delete").press("Enter")
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()

        expect(webhooks.get_by_text("No webhooks yet")).to_be_visible()
        message = received(receiver.requests[0])
        assert message.is_signed_with(secret)
        assert message.message["type"] == "ping"
        assert troubles == []


def add_webhook(page: Page, url: str) -> str:
    """Returns the secret that is shown."""
    page.get_by_role("button", name="Add webhook").press("Enter")
    page.get_by_role("dialog").get_by_label("Address").fill(url)
    page.get_by_role("dialog").get_by_role("button", name="Add webhook").press("Enter")
    shown = page.get_by_role("dialog", name="The secret of the webhook")
    secret = shown.get_by_text("whsec_").inner_text()
    picture(page, "9-secret")
    shown.get_by_role("button", name="I have copied it").press("Enter")
    return secret


def change_webhook(page: Page, url: str) -> str:
    """Another address, and one event more; returns the address."""
    page.get_by_role("button", name="Change", exact=True).press("Enter")
    dialog = page.get_by_role("dialog", name="Change the webhook")
    dialog.get_by_label("Address").fill("ftp://example.com")
    dialog.get_by_role("button", name="Save").press("Enter")
    expect(dialog.get_by_text("Give an address that begins with")).to_be_visible()
    dialog.get_by_label("Address").fill(url)
    dialog.get_by_label("Document was deleted").press("Space")
    picture(page, "11-change")
    dialog.get_by_role("button", name="Save").press("Enter")
    expect(dialog).to_be_hidden()
    return url


def make_brain(page: Page, name: str) -> None:
    page.get_by_role("link", name="Brains", exact=True).click()
    picture(page, "2-brains")
    page.get_by_role("button", name="New brain").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_role("button", name="Create brain").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def add_documents(page: Page) -> None:
    files = [DATA / name for name in (ENGLISH_PDF, KOREAN_SCAN, ENGLISH_DOCX)]
    page.locator("input[type=file]").set_input_files(files)
    picture(page, "3-uploading")
    for file in files:
        row = page.get_by_role("listitem").filter(has_text=file.name)
        expect(row.get_by_text("Ready", exact=True)).to_be_visible(timeout=READ_MILLISECONDS)
    picture(page, "4-ready")
    page.get_by_role("link", name="Ask this brain").click()


def ask(page: Page, question: str) -> None:
    composer = page.get_by_role("textbox", name=re.compile("^Ask"))
    composer.fill(question)
    composer.press("Enter")
    answers = page.get_by_role("button", name="Copy the answer")
    answered = answers.count()
    expect(page.get_by_role("button", name="Stop answering")).to_be_visible()
    picture(page, "5-streaming")
    expect(answers).to_have_count(answered + 1, timeout=ANSWER_MILLISECONDS)


def open_source(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Open the source")).first.click()
    expect(page.locator("mark").first).to_be_visible()
    picture(page, "6-source")
