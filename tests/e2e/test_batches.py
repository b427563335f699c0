"""Many files and many addresses at once, in a browser and by its keyboard."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browser import browser_page
from tests.e2e.main_job import make_brain, picture
from tests.e2e.stack import ADMIN_EMAIL, ADMIN_PASSWORD, Stack, signed_in
from tests.fakes.web_server import WebServer, running_web_server
from tests.servers import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ENDED_MILLISECONDS = 60_000
ROOM = 2
"""For addresses that have not been fetched yet."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("batches")
    variables = {"OUTBOUND_PRIVATE_HOSTS": "127.0.0.1", "UNFINISHED_FETCHES_LIMIT": str(ROOM)}
    with Stack(home, free_port(), **variables) as running_stack:
        yield running_stack


@pytest.fixture
def page(stack: Stack) -> Iterator[Page]:
    """Signed in as the admin."""
    with browser_page() as opened:
        opened.goto(stack.url)
        opened.get_by_label("E-mail").fill(ADMIN_EMAIL)
        opened.get_by_label("Password", exact=True).fill(ADMIN_PASSWORD)
        opened.get_by_role("button", name="Sign in").click()
        expect(opened.get_by_role("heading", name="What do you want to know?")).to_be_visible()
        yield opened


@pytest.fixture
def korean_page(stack: Stack, page: Page) -> Iterator[Page]:
    """A brain without documents, for somebody who reads Korean."""
    with signed_in(stack) as api:
        brain = api.post("brains", name="브레인")["id"]
        api.request("PATCH", "auth/me", json={"language": "ko"}).raise_for_status()
        page.goto(f"{stack.url}/brains/{brain}")
        yield page
        api.request("PATCH", "auth/me", json={"language": "en"}).raise_for_status()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two texts, a program, and what programs leave."""
    made = tmp_path / "Field notes"
    (made / "2026").mkdir(parents=True)
    (made / "first.txt").write_text("The first note.")
    (made / "2026" / "second.txt").write_text("The second note.")
    (made / "setup.exe").write_bytes(b"MZ\x90\x00\x03\x00\x00\x00")
    (made / ".hidden").write_text("Nobody means this.")
    return made


@pytest.fixture
def host() -> Iterator[WebServer]:
    """Its second page is there only when it is asked for again."""
    with running_web_server() as server:
        server.gives("/good.txt", b"A page that is there.")
        server.gives("/later.txt", status="404 Not Found")
        server.gives("/later.txt", b"A page that came later.")
        yield server


def drop(page: Page, folder: Path) -> None:
    """What Playwright itself can't do: a folder out of the system's file manager."""
    box = page.get_by_text("Drop files here").bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": box["x"] + 5,
                "y": box["y"] + 5,
                "data": {"items": [], "files": [str(folder)], "dragOperationsMask": 1},
            },
        )


class TestFolder:
    def test_is_chosen_and_tells_what_became_of_each_file(self, page: Page, folder: Path) -> None:
        make_brain(page, "Chosen")
        expect(page.get_by_text("No documents yet")).to_be_visible()
        picture(page, "20-empty")

        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose a folder").press("Enter")
        chooser.value.set_files(folder)

        uploads = page.get_by_role("region", name="Uploads")
        expect(uploads.locator("[data-upload=added]")).to_have_count(2)
        refused = uploads.locator("[data-upload=failed]")
        expect(refused).to_contain_text("Field notes/setup.exe")
        expect(refused).to_contain_text("This type of file can't be read.")
        expect(uploads.get_by_role("listitem")).to_have_count(3)
        expect(uploads.get_by_text("Field notes/2026/second.txt")).to_be_visible()
        # What was refused for what it is will be refused again.
        expect(uploads.get_by_role("button", name="Try failed again")).to_have_count(0)
        picture(page, "21-folder")

    def test_is_dropped(self, page: Page, folder: Path) -> None:
        make_brain(page, "Dropped")

        drop(page, folder)

        uploads = page.get_by_role("region", name="Uploads")
        expect(uploads.locator("[data-upload=added]")).to_have_count(2)
        expect(uploads.get_by_text("Field notes/2026/second.txt")).to_be_visible()


class TestFilesThatFail:
    def test_are_tried_again_at_once(self, page: Page, tmp_path: Path) -> None:
        files = [tmp_path / f"{name}.txt" for name in ("one", "two")]
        for file in files:
            file.write_text(f"This is {file.name}.")
        make_brain(page, "Tried again")
        expect(page.get_by_text("No documents yet")).to_be_visible()
        page.context.set_offline(offline=True)
        page.locator("input[type=file]").set_input_files(files)
        uploads = page.get_by_role("region", name="Uploads")
        expect(uploads.locator("[data-upload=failed]")).to_have_count(2)
        page.context.set_offline(offline=False)

        uploads.get_by_role("button", name="Try failed again").press("Enter")

        expect(uploads.locator("[data-upload=added]")).to_have_count(2)


class TestFilesThatAreTooMany:
    def test_wait_for_as_long_as_the_server_says(self, page: Page, tmp_path: Path) -> None:
        problem = {"code": "too-many-requests", "detail": "Too many.", "retry_after_seconds": 1}
        answered: list[str] = []

        def answer(route: Route) -> None:
            if route.request.method == "POST" and not answered:
                answered.append(route.request.url)
                route.fulfill(status=429, json=problem)
            else:
                route.fallback()

        file = tmp_path / "note.txt"
        file.write_text("One of thousands.")
        make_brain(page, "Too many")
        page.route("**/documents", answer)

        page.locator("input[type=file]").set_input_files(file)

        uploads = page.get_by_role("region", name="Uploads")
        expect(uploads.locator("[data-upload=waiting]")).to_be_visible()
        expect(uploads.locator("[data-upload=added]")).to_be_visible()
        assert len(answered) == 1


class TestAddresses:
    def test_are_given_together_and_tried_again_at_once(self, page: Page, host: WebServer) -> None:
        make_brain(page, "From the web")
        field = page.get_by_role("textbox", name="Add from web addresses")

        field.fill(f"{host.url('/good.txt')}\n{host.url('/later.txt')}#part")
        field.press("Shift+Enter")
        field.press_sequentially("ftp://example.com/a")
        picture(page, "22-addresses")
        field.press("Enter")

        results = page.get_by_role("region", name="Web addresses")
        failed = results.locator("[data-upload=failed]")
        refused = results.locator("[data-upload=refused]")
        expect(failed).to_contain_text("The server did not give a file", timeout=ENDED_MILLISECONDS)
        expect(refused).to_contain_text("it begins with neither https:// nor http://")
        expect(results.get_by_text("2 addresses failed")).to_be_visible()
        picture(page, "23-failed")
        results.get_by_role("button", name="Try failed again").press("Enter")
        expect(results.locator("[data-upload=ready]")).to_have_count(2, timeout=ENDED_MILLISECONDS)
        page.reload()
        expect(results.locator("[data-upload=ready]")).to_have_count(2)
        picture(page, "24-ready")
        results.get_by_role("button", name="Clear finished").press("Enter")
        expect(results).to_have_count(0)

    def test_are_given_again_when_there_is_room(self, page: Page, host: WebServer) -> None:
        names = ["one", "two", "three"]
        for name in names:
            host.gives(f"/{name}.txt", f"This is page {name}.".encode())
        make_brain(page, "Little room")
        field = page.get_by_role("textbox", name="Add from web addresses")
        results = page.get_by_role("region", name="Web addresses")
        ready = results.locator("[data-upload=ready]")

        field.fill("\n".join(host.url(f"/{name}.txt") for name in names))
        page.get_by_role("button", name="Add 3").press("Enter")
        expect(results.locator("[data-upload=refused]")).to_contain_text("are still being fetched")
        expect(ready).to_have_count(ROOM, timeout=ENDED_MILLISECONDS)
        results.get_by_role("button", name="Try failed again").press("Enter")

        expect(ready).to_have_count(len(names), timeout=ENDED_MILLISECONDS)
        expect(results.get_by_role("listitem")).to_have_count(len(names))
        expect(results.get_by_text("All web addresses are done")).to_be_visible()

    def test_tell_in_korean_why_they_failed(self, korean_page: Page, host: WebServer) -> None:
        page = korean_page
        field = page.get_by_role("textbox", name=re.compile("웹 주소로 추가"))

        field.fill(f"{host.url('/nothing.txt')}\nftp://example.com/a")
        field.press("Enter")

        results = page.get_by_role("region", name="웹 주소")
        expect(results.locator("[data-upload=failed]")).to_contain_text(
            "주소의 서버가 파일을 주지 않았습니다.", timeout=ENDED_MILLISECONDS
        )
        expect(results.locator("[data-upload=refused]")).to_contain_text(
            "공개된 웹에 있는 주소가 아닙니다."
        )
        picture(page, "25-korean")
