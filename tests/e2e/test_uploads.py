"""A large file from a browser whose line is lost on the way."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.e2e.browser import browser_page
from tests.e2e.stack import ADMIN_EMAIL, ADMIN_PASSWORD, Stack
from tests.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MEGABYTE = 1024 * 1024
FILE_BYTES = 40 * MEGABYTE
BYTES_PER_SECOND = 8 * MEGABYTE
AWAY_SECONDS = 2
STORED_MILLISECONDS = 60_000


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path / "home", free_port()) as running_stack:
        yield running_stack


@pytest.fixture
def page(stack: Stack) -> Iterator[Page]:
    """Signed in as the admin, on a line of some megabytes a second."""
    with browser_page() as opened:
        opened.goto(stack.url)
        opened.get_by_label("E-mail").fill(ADMIN_EMAIL)
        opened.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
        opened.get_by_role("button", name="Sign in").click()
        expect(opened.get_by_role("heading", name="What do you want to know?")).to_be_visible()
        yield opened


@pytest.fixture
def line(page: Page) -> CDPSession:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    return session


def put(line: CDPSession, *, is_offline: bool) -> None:
    """Slows the line down, or cuts it."""
    line.send(
        "Network.emulateNetworkConditions",
        {
            "offline": is_offline,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": BYTES_PER_SECOND,
        },
    )


class TestLargeFile:
    def test_goes_on_when_the_line_is_back(
        self, page: Page, line: CDPSession, tmp_path: Path
    ) -> None:
        path = tmp_path / "large.txt"
        path.write_text("".join(f"{number:015}\n" for number in range(FILE_BYTES // 16)))
        page.get_by_role("link", name="Brains", exact=True).click()
        page.get_by_role("button", name="New brain").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("Large things")
        dialog.get_by_role("button", name="Create brain").click()
        methods: list[str] = []
        page.on("request", lambda request: methods.append(request.method))
        put(line, is_offline=False)

        page.locator("input[type=file]").first.set_input_files(path)
        expect(page.locator("[data-upload=sending]")).to_be_visible()
        time.sleep(AWAY_SECONDS)
        put(line, is_offline=True)
        time.sleep(AWAY_SECONDS)
        put(line, is_offline=False)

        expect(page.locator("[data-upload=added]")).to_be_visible(timeout=STORED_MILLISECONDS)
        assert methods.count("HEAD") > 1
