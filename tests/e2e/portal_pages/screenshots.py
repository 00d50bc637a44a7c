"""Make the pictures of the portal's pages: `python -m tests.e2e.portal_pages.screenshots [DIRECTORY]`.

A picture a page: wide and narrow, light and dark, side by side. They are made from cases on a server of their own.
"""

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from tests.e2e.dashboard.conftest import running_chromium
from tests.e2e.portal_pages.conftest import OUTSIDE, Tour, log_in, make_tour
from tests.e2e.portal_pages.pharmacy_tour import LIKE_RADMD, make_pharmacy_tour
from tests.pharmacy_site import running_pharmacy
from tests.portal_site import running_portal, start_portal

IMAGES = Path(__file__).parents[3] / "docs" / "images" / "portal"
LOOKS = ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"))
HEIGHT_MAX = 1_300
GAP = 24
COLOURS = 80
SCALE = 0.6


def join(pictures: list[bytes], file: Path) -> None:
    """Save pictures side by side: cut below, made smaller, few colours."""
    images = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    images = [image.crop((0, 0, image.width, min(image.height, HEIGHT_MAX))) for image in images]
    size = (sum(image.width + GAP for image in images) + GAP, max(image.height for image in images) + 2 * GAP)
    whole = Image.new("RGB", size, (128, 128, 128))
    left = GAP
    for image in images:
        whole.paste(image, (left, GAP))
        left += image.width + GAP
    whole = whole.resize((int(size[0] * SCALE), int(size[1] * SCALE)), Image.Resampling.LANCZOS)
    whole.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file.name:<32} {whole.width} x {whole.height}  {file.stat().st_size // 1024} KB")


def shoot(browser: Any, tour: Tour, directory: Path, outside: Mapping[str, str]) -> None:
    """Take every page in every look, those for who has not logged in first."""
    url = tour.portal.url
    taken: dict[str, list[bytes]] = {}
    for width, scheme in LOOKS:
        context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme)
        page = context.new_page()
        for name, path in outside.items():
            page.goto(url + path)
            taken.setdefault(name, []).append(page.screenshot(full_page=True))
        log_in(page, tour.portal)
        for name, path, button in tour.paths():
            page.goto(url + path)
            if button:
                page.get_by_role("button", name=button, exact=True).click()
                page.get_by_role("alert").wait_for()
                page.evaluate("window.scrollTo(0, 0)")
            taken.setdefault(name, []).append(page.screenshot(full_page=True))
        context.close()
    for name, pictures in taken.items():
        if name not in LIKE_RADMD:
            join(pictures, directory / f"{name}.png")


def main() -> None:
    """Make them all."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    directory.mkdir(parents=True, exist_ok=True)
    with running_portal() as server, running_chromium() as browser:
        shoot(browser, make_tour(start_portal(server)), directory, OUTSIDE)
    with running_pharmacy() as server, running_chromium() as browser:
        shoot(browser, make_pharmacy_tour(start_portal(server)), directory, {})


if __name__ == "__main__":
    main()
