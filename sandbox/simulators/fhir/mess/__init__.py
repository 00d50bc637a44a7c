"""A seed made messy: what a chart system has gathered over the years, on top of the dataset.

`rules.py` is the table, level by level, with a pair for each rule in `pairs.py`; `wearing.py` takes away,
`cluttering.py` adds, `clinic.py` is what both may know of the data, `making.py` puts the seed together. Whatever a rule
makes is R4, and nothing that the definition names is touched. Must not know playgrounds: seeds go in, seeds come out.
"""

from sandbox.simulators.fhir.mess.making import make_messy
from sandbox.simulators.fhir.mess.rules import RULES

__all__ = ["RULES", "make_messy"]
