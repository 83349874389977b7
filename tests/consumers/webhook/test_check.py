"""What `tellonce check` says of webhooks."""

from consumers.webhook.check import check
from telemetry.runtime.settings import Settings
from telemetry.store.endpoints import Endpoints
from tests.consumers.webhook.conftest import Agency


async def test_each_endpoint_is_looked_at_and_nothing_is_sent(agency: Agency, mongodb_uri: str, database: str) -> None:
    settings = Settings.model_validate({"mongodb_uri": mongodb_uri, "database": database})
    config = agency.config(inside="https://10.0.0.1/", off="https://example.com/", well="https://example.com/")
    await Endpoints(agency.connection).disable("off", "it answered 410")
    found = await check(settings, config)
    assert ["error", "warning", "ok"] == [finding.level for finding in found]
    assert "10.0.0.1 is not a public address" in found[0].what
    assert "webhook off is switched off: it answered 410" in found[1].what
    assert "tellonce webhooks enable off" in found[1].next_step


async def test_without_endpoints_and_without_a_database_it_says_so(agency: Agency) -> None:
    settings = Settings.model_validate({})
    (finding,) = await check(settings, agency.config())
    assert ("ok", "there are no webhooks") == (finding.level, finding.what)
