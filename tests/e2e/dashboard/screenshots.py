"""Make the pictures of the dashboard in `docs/images`: `python -m tests.e2e.dashboard.screenshots [DIRECTORY]`.

Each page in the light theme; the one that people look at most in the dark one and on a phone as well. They are made
from runs of the benchmarks' own agents, on a server of their own.
"""

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from tests.e2e.dashboard.conftest import Site, rehearse, running_chromium, running_site

IMAGES = Path(__file__).parents[3] / "docs" / "images"
HEIGHT_MAX = 1400
COLOURS = 256
WITHOUT = ("trend",)
OPENED = "task-run"
ROWS = "ways"


def save(picture: bytes, file: Path) -> None:
    """Save a picture small: cut below, few colours."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, HEIGHT_MAX)))
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    print(f"{file.name:<32} {image.width} x {image.height}  {file.stat().st_size // 1024} KB")


def shoot(browser: Any, site: Site, directory: Path) -> None:
    looks = [("", 1280, "light")]
    for name, path in site.pages.items():
        if name in WITHOUT:
            continue
        more = [("-dark", 1280, "dark"), ("-phone", 390, "light")] if name in ("runs", OPENED) else []
        for suffix, width, scheme in [*looks, *more]:
            context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
            page = context.new_page()
            page.goto(site.url + path)
            for image in page.locator("main img").all():
                image.scroll_into_view_if_needed()
                image.evaluate("image => image.decode()")
            page.evaluate("window.scrollTo(0, 0)")
            seen = page.locator("#calls").screenshot() if name == ROWS else page.screenshot(full_page=True)
            save(seen, directory / f"dashboard-{name}{suffix}.png")
            if name == OPENED and not suffix:
                page.locator("a[data-open]", has_text="POST fhir/Appointment").click()
                page.locator("tr.detail .json").first.wait_for()
                timeline = page.locator("#calls").screenshot()
                save(timeline, directory / "dashboard-timeline.png")
            context.close()


def main() -> None:
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    directory.mkdir(parents=True, exist_ok=True)
    with running_site("fax-referral@2") as site, running_chromium() as browser:
        for agent in ("idle", "near-miss", "solution", "near-miss"):
            rehearse(site.url, agent, "mock@2", "prior-auth-imaging@2")
        site.pages |= {"agent": "/ui?agent=near-miss", "benchmark": "/ui/benchmarks/fax-referral@2"}
        shoot(browser, site, directory)


if __name__ == "__main__":
    main()
