"""The page on messy data has every rule with its level, its types and its share."""

import re

from sandbox.simulators.fhir.mess import RULES
from sandbox.simulators.former_coverage import RULE, SHARE


def test_the_page_has_the_table_of_the_rules(pages):
    rows = re.findall(r"(?m)^\| (\d) \| `([a-z-]+)` \| .+ \| (.+) \| (\d+) % \|$", pages["docs/mess.md"].text)
    shares = {rule.name: SHARE if rule.name == RULE else rule.share for rule in RULES}
    assert [(int(level), name, int(share)) for level, name, _, share in rows] == [
        (rule.level, rule.name, round(shares[rule.name] * 100)) for rule in RULES
    ]
    for (_, name, types, _), rule in zip(rows, RULES, strict=True):
        assert set(re.findall(r"[A-Z]\w+", types)) == set(rule.types), name
