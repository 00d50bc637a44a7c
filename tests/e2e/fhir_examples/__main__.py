"""Print what the example set proves, in numbers."""

from tests.e2e.fhir_examples.examples import read_examples, report, searches_of

examples = read_examples()
print(report(examples, searches_of(examples)))
