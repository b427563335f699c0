"""The main job in a browser, over TLS and nginx, on the stack of compose.yaml."""

import pytest

from tests.compose.engine import ComposeStack
from tests.e2e.browser import browser_page
from tests.e2e.main_job import goes_from_documents_to_a_cited_answer, sign_in

pytestmark = pytest.mark.timeout(900)


class TestMainJob:
    def test_goes_from_documents_to_a_cited_answer(self, stack: ComposeStack) -> None:
        troubles: list[str] = []
        with browser_page(trusts_all=True) as page:
            sign_in(
                page,
                stack.url,
                stack.variables["BRAINSTEM_ADMIN_EMAIL"],
                stack.variables["BRAINSTEM_ADMIN_PASSWORD"],
                troubles,
            )
            goes_from_documents_to_a_cited_answer(page)

        assert troubles == []
