"""Special search: `near` on Location, by distance on the globe (R4 Location, 8.6.4).

`latitude|longitude|distance|units`; units are UCUM lengths, km without them; without a distance,
`DEFAULT_KM` counts as near.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sandbox import ucum
from sandbox.jsonio import Json
from sandbox.simulators.fhir.search.indexes.index import Index, Key, Keys, Selection
from sandbox.simulators.fhir.search.indexes.intervals import Intervals, Range
from sandbox.simulators.fhir.search.terms.definitions import Parameter
from sandbox.simulators.fhir.search.terms.paths import Path
from sandbox.simulators.fhir.search.terms.problems import BadValue
from sandbox.simulators.fhir.search.terms.values import split, unescape
from sandbox.simulators.fhir.search.types.base import Context, SearchType
from sandbox.simulators.fhir.search.types.number import exact, parse_number

DEFAULT_KM: Final = 50.0
EARTH_KM: Final = 6371.0088
_KM_PER_DEGREE: Final = EARTH_KM * math.pi / 180


@dataclass(frozen=True, slots=True)
class NearTerm:
    """A point in degrees and a distance in kilometres."""

    latitude: float
    longitude: float
    distance_km: float


def distance_km(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """Return the great-circle distance of two points (haversine).

    >>> round(distance_km(52.37, 4.90, 48.86, 2.35))
    430
    """
    lat1, lon1, lat2, lon2 = map(math.radians, (a_lat, a_lon, b_lat, b_lon))
    chord = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(chord)))


class NearIndex(Index):
    """Positions, sorted by latitude. An entry is `(latitude, longitude)`."""

    def __init__(self) -> None:
        super().__init__()
        self._latitudes = Intervals()

    def seal(self) -> None:
        """Sort what was loaded."""
        self._latitudes.seal()

    def add(self, key: Key, entry: tuple[float, float]) -> None:
        """Add an entry."""
        self._latitudes.add(key, (entry[0], entry[0]))

    def remove(self, key: Key, entry: tuple[float, float]) -> None:
        """Remove an entry."""
        self._latitudes.remove(key, (entry[0], entry[0]))

    def select(self, term: NearTerm) -> Selection:
        """Select by a term."""
        margin = term.distance_km / _KM_PER_DEGREE + 1e-9
        band = self._latitudes.select(Range("ap", term.latitude - margin, term.latitude + margin))

        def keep(candidates: Keys) -> Keys:
            return {key for key in candidates if any(self._is_near(e, term) for e in self.entries.get(key, ()))}

        return Selection(band.estimate, lambda: keep(band.keys()), keep)

    @staticmethod
    def _is_near(entry: tuple[float, float], term: NearTerm) -> bool:
        return distance_km(term.latitude, term.longitude, *entry) <= term.distance_km

    def rank(self, entry: Any, is_descending: bool) -> None:
        """Return nothing: these have no order."""


class SpecialType(SearchType):
    """The one parameter of type special, Location's `near`."""

    name = "special"

    def parse(self, parameter: Parameter, modifier: str | None, text: str, context: Context) -> NearTerm:
        """Read one value."""
        parts = [unescape(part) for part in split(text, "|")]
        if len(parts) not in (2, 3, 4):
            raise BadValue("is not of the form latitude|longitude|distance|units")
        latitude, longitude = float(parse_number(parts[0])), float(parse_number(parts[1]))
        if abs(latitude) > 90 or abs(longitude) > 180:
            raise BadValue("is not a place: latitude is -90 to 90, longitude -180 to 180, in this order")
        if len(parts) == 2 or not parts[2]:
            return NearTerm(latitude, longitude, DEFAULT_KM)
        distance = parse_number(parts[2])
        if distance < 0:
            raise BadValue("has a distance below zero")
        unit = ucum.unit_of(parts[3] if len(parts) == 4 and parts[3] else "km")
        if unit is None or unit.dimensions != (("length", 1),):
            raise BadValue("has units that are not a UCUM length like km, m or [mi_i]")
        return NearTerm(latitude, longitude, float(distance) * float(unit.factor) / 1000)

    def entries(
        self, parameter: Parameter, facet: str, path: Path, raw: Json, resource: Json
    ) -> Iterable[tuple[float, float]]:
        """Read the entries of one value of a resource."""
        if not isinstance(raw, dict):
            return ()
        latitude, longitude = exact(raw.get("latitude")), exact(raw.get("longitude"))
        return () if latitude is None or longitude is None else ((float(latitude), float(longitude)),)

    def new_index(self, parameter: Parameter, facet: str) -> Index:
        """Make an empty index."""
        return NearIndex()
