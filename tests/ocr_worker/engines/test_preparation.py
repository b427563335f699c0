"""Images made upright, level and large, and the way back to the page."""

import pytest
from PIL import Image, ImageDraw, ImageFilter

from ocr_worker.engines.preparation import Prepared, crispness, straightened

MARK = (300, 120, 360, 150)


@pytest.fixture
def page() -> Image.Image:
    """White, with a black mark."""
    image = Image.new("L", (800, 600), 255)
    ImageDraw.Draw(image).rectangle((300, 120, 359, 149), fill=0)
    return image


class TestPrepared:
    @pytest.mark.parametrize("degrees", [90, 180, 270])
    def test_leads_back_from_a_turned_image(self, page: Image.Image, degrees: int) -> None:
        turned = Prepared(page).turned(degrees).scaled(2).framed(20, 255)

        assert turned.box_back(_marked(turned.image)) == pytest.approx(MARK, abs=1)

    def test_leads_back_from_a_rotated_image(self, page: Image.Image) -> None:
        rotated = Prepared(page).rotated(5)

        left, top, right, bottom = rotated.box_back(_marked(rotated.image))

        assert (left + right) / 2 == pytest.approx(330, abs=1)
        assert (top + bottom) / 2 == pytest.approx(135, abs=1)
        assert left <= 300
        assert right >= 360


class TestStraightened:
    @pytest.mark.parametrize("degrees", [-6.0, 3.0])
    def test_finds_how_much_a_page_is_skewed(self, degrees: float) -> None:
        lines = Image.new("L", (1000, 1400), 255)
        for top in range(200, 1200, 40):
            ImageDraw.Draw(lines).rectangle((150, top, 850, top + 14), fill=0)
        skewed = Prepared(lines.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255))

        level = straightened(skewed)

        strips = [level.image.crop((x, 0, x + 5, level.image.height)) for x in (400, 700)]
        first, second = (_marked(strip)[1] for strip in strips)
        assert abs(first - second) <= 5

    def test_leaves_a_level_page_alone(self, page: Image.Image) -> None:
        level = Prepared(page)

        assert straightened(level) is level


class TestCrispness:
    def test_is_one_where_black_touches_white(self, page: Image.Image) -> None:
        assert crispness(page) == pytest.approx(1)

    @pytest.mark.parametrize("contrast", [255, 90])
    def test_is_less_for_letters_that_were_scanned(self, contrast: int) -> None:
        letters = Image.new("L", (800, 600), 255)
        for left in range(20, 780, 12):
            ImageDraw.Draw(letters).rectangle((left, 20, left + 3, 580), fill=255 - contrast)

        soft = crispness(letters.filter(ImageFilter.GaussianBlur(1)))

        assert crispness(letters) == pytest.approx(1)
        assert soft < 0.4

    def test_is_nothing_where_nothing_stands(self) -> None:
        assert crispness(Image.new("L", (800, 600), 200)) == 0


def _marked(image: Image.Image) -> tuple[int, int, int, int]:
    found = image.point(lambda value: 255 if value < 128 else 0).getbbox()
    assert found is not None
    return found
