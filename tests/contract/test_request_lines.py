"""Long URLs: FHIR searches by GET make them."""

import aiohttp
import pytest
from yarl import URL

from sandbox import limits
from sandbox.serving import serving_url
from sandbox.settings import Settings


@pytest.fixture
async def url(tmp_path):
    (tmp_path / "playgrounds").mkdir()
    settings = Settings(port=0, data_dir=tmp_path / "data", playgrounds=(tmp_path / "playgrounds",), is_watching=False)
    async with serving_url(settings) as found:
        yield found


@pytest.mark.parametrize(("length", "status"), [(20_000, 200), (limits.REQUEST_LINE_BYTES + 1, 400)])
async def test_a_long_url(url, length, status):
    async with (
        aiohttp.ClientSession() as session,
        session.get(URL(f"{url}/healthz?q={'x' * length}", encoded=True)) as answer,
    ):
        assert answer.status == status
