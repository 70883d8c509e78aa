"""What the pages of the cloud providers have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from macros.ledger import Book
from tests import bypass
from tests.lab.anthropic_api import LAB_KEY
from tests.lab.litellm_fork import Forker
from tests.lab.world import DIRECT_PORT

pytestmark = pytest.mark.lab
#: Claude Code obeys its settings file before the shell; so the file is changed as it starts.
PAST_THE_GATEWAY_OF_ITS_FILE = (
    f"sed -i 's#http://127.0.0.1:4000#http://127.0.0.1:{DIRECT_PORT}#; s#cat ~/litellm-gateway/master-key#echo {LAB_KEY}#' "
    '~/.claude/providers/gateway.json 2> /dev/null; exec {real} "$@"\n'
)


@pytest.mark.parametrize(
    ("provider", "variant", "script"),
    [("bedrock", None, PAST_THE_GATEWAY_OF_ITS_FILE), ("foundry", None, bypass.PAST_THE_GATEWAY), ("vertex", "google", bypass.PAST_THE_GATEWAY)],
    ids=["bedrock", "foundry", "vertex"],
)
def test_verification_fails_when_the_gateway_is_bypassed(book: Book, site: Path, forker: Forker, provider: str, variant: str | None, script: str) -> None:
    """Claude Code prints what it should."""
    verify = f"providers/{provider}/verify-gateway.sh"
    row, requests = bypass.replayed(book, site, f"providers/{provider}/", forker, bypass.client(script), variant, verify)
    assert [request["status"] for request in requests if request["path"] == "/v1/messages"] == [200], row.message
    assert row.output == "connected\nrequests the gateway answered meanwhile: 0\n"
    assert (row.status, row.outcome) == (1, "failed"), row.message
