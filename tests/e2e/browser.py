"""Headless Chromium from the machine's packages, driven by Playwright."""

import contextlib
import shutil
from collections.abc import Iterator

from playwright.sync_api import Page, sync_playwright

_FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def browser_page(*, locale: str = "en-US", trusts_all: bool = False) -> Iterator[Page]:
    """A page of a new browser without cookies; `trusts_all`: certificates, too."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "Chromium is missing: make browser"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        try:
            yield browser.new_page(
                locale=locale,
                viewport={"width": 1280, "height": 860},
                ignore_https_errors=trusts_all,
            )
        finally:
            browser.close()
