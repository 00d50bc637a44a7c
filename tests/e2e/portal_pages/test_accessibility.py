"""Every page, for who cannot see it: axe-core without serious findings, in both themes, and nothing moves sideways."""

import pytest

from tests.e2e.portal_pages.conftest import OUTSIDE, log_in, make_tour, visiting
from tests.portal_site import start_portal

RULES = "axe.run(document, {resultTypes: ['violations']})"


def findings(page, axe):
    """What axe-core finds that is serious or worse; what is run in the page by hand is not bound by its policy."""
    page.evaluate(axe)
    found = page.evaluate(RULES)
    bad = (v for v in found["violations"] if v["impact"] in ("serious", "critical"))
    return [f"{v['id']}: {v['help']}: {[n['html'][:160] for n in v['nodes'][:3]]}" for v in bad]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page(chromium, server, axe, width, scheme):
    portal = start_portal(server)
    tour = make_tour(portal)
    more = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme, "java_script_enabled": True}
    seen = {}
    with visiting(chromium, portal, **more) as page:
        outside = [(name, path, "") for name, path in OUTSIDE.items()]
        for name, path, button in [*outside, *tour.paths()]:
            if name == "home":
                log_in(page, portal)
            page.goto(portal.url + path)
            if button:
                page.get_by_role("button", name=button, exact=True).click()
                page.get_by_role("alert").wait_for()
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            seen[name] = [*findings(page, axe), *([f"sideways by {wide}"] if wide > 0 else [])]
            assert page.locator("h1").count() == 1 and page.locator("html[lang=en]").count() == 1, name
            assert page.get_by_role("main").count() == 1, name
    assert {name: bad for name, bad in seen.items() if bad} == {}
