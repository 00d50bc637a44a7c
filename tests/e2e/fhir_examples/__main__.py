"""Print what the example set proves, in numbers."""

from collections import Counter

from tests.e2e.fhir_examples.examples import (
    DEFINITIONS,
    official_parameters,
    read_examples,
    rejected,
    search_by_every_value,
)


def main() -> None:
    """Search by every value and print the counts."""
    examples, refused = read_examples(), rejected()
    clinical = [e for e in examples if e.type not in DEFINITIONS]
    resources = [e.resource for e in clinical if e.name not in refused]
    searches = list(search_by_every_value(resources, official_parameters(examples)))
    print(f"examples                            {len(examples):>6}")
    print(f"  of them no definitions            {len(clinical):>6}")
    print(f"  refused, each for a listed defect {len(refused):>6}")
    print(f"searches by a value                 {len(searches):>6}")
    print(f"  parameters of types searched      {len({(s.type, s.code) for s in searches}):>6}")
    print(f"  answered wrongly                  {sum(not s.is_right for s in searches):>6}")
    for (resource_type, code), count in Counter((s.type, s.code) for s in searches if not s.is_right).items():
        print(f"    {resource_type}.{code}: {count}")


main()
