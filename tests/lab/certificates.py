"""A certificate authority made for one run, and server certificates from it."""

from __future__ import annotations

from pathlib import Path

import trustme


def authority(folder: Path, *names: str) -> tuple[Path, Path]:
    """Write ``ca.pem`` and ``server.pem`` (key and chain for ``names``) into a folder."""
    ca = trustme.CA(organization_name="Lab")
    root, server = folder / "ca.pem", folder / "server.pem"
    ca.cert_pem.write_to_path(str(root))
    ca.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(server))
    return root, server
