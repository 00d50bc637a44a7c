"""The XHTML of a narrative: well formed, one `div`, only the elements R4 allows (R4, Narrative; txt-1, txt-2)."""

import html.entities
import re
from typing import Any, Final
from xml.etree import ElementTree

NAMESPACE: Final = "http://www.w3.org/1999/xhtml"

# The elements and attributes that txt-1 allows: HTML 4.0, chapters 7 to 11 without 9.4, and 15; links and images.
_TAGS: Final = frozenset(
    "a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 "
    "h3 h4 h5 h6 hr i img kbd li map ol p pre q s samp small span strike strong sub sup table tbody td tfoot th "
    "thead tr tt u ul var".split()
)
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_ATTRIBUTES: Final = frozenset(
    "abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff "
    "charset cite class colspan compact coords dir frame headers height href hreflang hspace id ismap lang longdesc "
    "name nohref nowrap rel rev rowspan rules scope shape span src start style summary tabindex title type usemap "
    "valign value vspace width".split()
) | {_XML + "lang", _XML + "space"}
_SCRIPT: Final = re.compile(r"\s*(?:(?:javascript|vbscript)\s*:|data\s*:\s*text/html)", re.IGNORECASE)
_LINKS: Final = frozenset({"href", "src", "cite", "longdesc"})
_ENTITY: Final = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_ENTITIES: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})


def _replace_entity(match: re.Match[str]) -> str:
    name = match[1]
    if name in _XML_ENTITIES:
        return match[0]
    text = html.entities.html5.get(name + ";")
    return match[0] if text is None else text


def check_xhtml(value: Any) -> tuple[str, str] | None:
    """Check `Narrative.div`.

    >>> check_xhtml('<div xmlns="http://www.w3.org/1999/xhtml">Well.</div>')
    >>> check_xhtml('<p>Well.</p>')[0]
    'structure'
    """
    if type(value) is not str:
        return "structure", "The narrative is not a JSON string of XHTML."
    if "<!DOCTYPE" in value or "<!ENTITY" in value:
        return "structure", "The narrative must not declare a document type or entities."
    text = _ENTITY.sub(_replace_entity, value) if "&" in value else value
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        return "structure", f"The narrative is not well-formed XHTML: {error}."
    prefix = "{" + NAMESPACE + "}"
    if root.tag != prefix + "div":
        return "structure", f'The narrative must be one <div xmlns="{NAMESPACE}">.'
    has_content = False
    for element in root.iter():
        tag = element.tag
        if not isinstance(tag, str):
            continue
        name = tag.removeprefix(prefix)
        if name not in _TAGS or not tag.startswith(prefix):
            return "invariant", f"The narrative must not hold the element <{name}> (txt-1)."
        for attribute, text in element.attrib.items():
            if attribute not in _ATTRIBUTES:
                return "invariant", f"The narrative must not hold the attribute {attribute} (txt-1)."
            if attribute in _LINKS and _SCRIPT.match(text):
                return "invariant", f"The narrative must not hold a script in {attribute} (txt-1)."
        is_image = name == "img" and "src" in element.attrib
        has_content = has_content or is_image or bool((element.text or "").strip() or (element.tail or "").strip())
    if not has_content:
        return "invariant", "The narrative has no content; leave it out (txt-2)."
    return None
