"""The main jobs in a browser, on the components that `make up` starts; none of them is a fake."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import browser_page
from tests.e2e.main_job import goes_from_documents_to_a_cited_answer, make_brain, picture, sign_in
from tests.e2e.stack import ADMIN_EMAIL, ADMIN_PASSWORD, Stack
from tests.fakes.web_server import running_web_server
from tests.servers import free_port
from tests.webhooks.received import received

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


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
    with browser_page() as opened:
        sign_in(opened, stack.url, ADMIN_EMAIL, ADMIN_PASSWORD, troubles)
        yield opened


class TestMainJob:
    def test_goes_from_documents_to_a_cited_answer(self, page: Page, troubles: list[str]) -> None:
        goes_from_documents_to_a_cited_answer(page)

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
