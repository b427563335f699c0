"""The main job as somebody does it in a browser, on whichever stack."""

import os
import re
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Page, expect

DATA = Path(__file__).resolve().parents[1] / "data"
ENGLISH_PDF = "english.pdf"
KOREAN_SCAN = "korean-scan.jpg"
ENGLISH_DOCX = "english.docx"
READ_MILLISECONDS = 120_000
ANSWER_MILLISECONDS = 120_000


def sign_in(page: Page, url: str, email: str, password: str, troubles: list[str]) -> None:
    """What the console complains of from then on is added to `troubles`."""

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            troubles.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(url)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    # Before this the page learns with a 401 that nobody is signed in.
    troubles.clear()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="What do you want to know?")).to_be_visible()


def goes_from_documents_to_a_cited_answer(page: Page) -> None:
    """A brain, three documents (one a Korean scan), two questions, and the place in a source."""
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


def picture(page: Page, name: str) -> None:
    """A screenshot for people, where SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


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
