"""Every page, for who cannot see it: axe-core without serious findings, in both themes, and nothing moves sideways."""

from tests.e2e.portal_pages.conftest import OUTSIDE, log_in, make_tour, visiting
from tests.portal_site import start_portal

ALL = "axe.run(document, {resultTypes: ['violations']})"
CONTRAST = "axe.run(document, {resultTypes: ['violations'], runOnly: ['color-contrast']})"
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def findings(page, axe, rules):
    """What axe-core finds that is serious or worse; what is run in the page by hand is not bound by its policy."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(axe)
    bad = [v for v in page.evaluate(rules)["violations"] if v["impact"] in ("serious", "critical")]
    found = [f"{v['id']}: {v['help']}: {[n['html'][:160] for n in v['nodes'][:3]]}" for v in bad]
    wide = page.evaluate(SIDEWAYS)
    return [*found, *([f"sideways by {wide}"] if wide > 0 else [])]


def test_every_page(chromium, server, axe):
    """The structure of a page is the same on a phone and in the dark; its colours and its width are not."""
    portal = start_portal(server)
    tour = make_tour(portal)
    outside = [(name, path, "") for name, path in OUTSIDE.items()]
    seen = {}
    with visiting(chromium, portal, java_script_enabled=True) as page:
        for name, path, button in [*outside, *tour.paths()]:
            if name == "home":
                log_in(page, portal)
            page.set_viewport_size({"width": 1280, "height": 900})
            page.emulate_media(color_scheme="light")
            page.goto(portal.url + path)
            if button:
                page.get_by_role("button", name=button, exact=True).click()
                page.get_by_role("alert").wait_for()
            assert page.locator("h1").count() == 1 and page.locator("html[lang=en]").count() == 1, name
            assert page.get_by_role("main").count() == 1, name
            seen[name] = findings(page, axe, ALL)
            page.set_viewport_size({"width": 390, "height": 900})
            page.emulate_media(color_scheme="dark")
            seen[name] += findings(page, axe, CONTRAST)
    assert {name: bad for name, bad in seen.items() if bad} == {}


def test_it_would_be_found(chromium, server, axe):
    with visiting(chromium, start_portal(server), java_script_enabled=True) as page:
        page.set_content('<input><p style="color: #bbb; background: #fff; width: 3000px">dim</p>')
        found = " ".join(findings(page, axe, ALL))
        assert "label" in found and "color-contrast" in found and "sideways" in found
