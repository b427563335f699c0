"""Shadows, black corners and dark parts of pages: all writing becomes black on white."""

import pytest
from PIL import Image, ImageDraw

from ocr_worker.engines.paper import evened
from ocr_worker.engines.preparation import Prepared


@pytest.fixture
def panel() -> Image.Image:
    """White above with black strokes, dark grey below with white ones."""
    image = Image.new("L", (800, 1000), 255)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 500, 799, 999), fill=60)
    for left in range(100, 700, 20):
        draw.rectangle((left, 200, left + 4, 230), fill=0)
        draw.rectangle((left, 700, left + 4, 730), fill=250)
    return image


class TestEvened:
    def test_makes_faded_print_black_beside_a_black_corner(self) -> None:
        faded = Image.new("L", (800, 1000), 235)
        ImageDraw.Draw(faded).rectangle((600, 0, 799, 200), fill=0)
        ImageDraw.Draw(faded).rectangle((200, 500, 209, 540), fill=170)

        even = evened(Prepared(faded)).image

        assert even.getpixel((205, 520)) == 0
        assert even.getpixel((400, 700)) == 255
        assert even.getpixel((700, 50)) == 255

    def test_makes_bright_writing_on_a_dark_part_black_on_white(self, panel: Image.Image) -> None:
        even = evened(Prepared(panel)).image

        rows = {top: even.crop((100, top, 700, top + 1)).tobytes() for top in (215, 715)}
        for written in rows.values():
            black = sum(value < 100 for value in written)
            assert 0.2 < black / len(written) < 0.3
            assert sum(value > 200 for value in written) > 0.6 * len(written)
        assert even.getpixel((400, 900)) == 255

    def test_takes_a_dark_part_without_writing_for_a_shadow(self, panel: Image.Image) -> None:
        ImageDraw.Draw(panel).rectangle((0, 690, 799, 740), fill=60)

        even = evened(Prepared(panel)).image

        assert min(even.crop((0, 560, 800, 1000)).tobytes()) > 240

    def test_leaves_an_even_page_alone(self) -> None:
        image = Image.new("L", (800, 600), 255)
        ImageDraw.Draw(image).rectangle((300, 120, 359, 149), fill=0)
        even = Prepared(image)

        assert evened(even) is even
