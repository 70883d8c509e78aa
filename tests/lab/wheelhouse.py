"""Makes a folder of wheels fit for the pages' own pip commands.

LiteLLM asks for a certifi that the tests' package index may not have yet. A
copy of the certifi that is there, under the number that is asked for, stands
in for it, here only; the page "How this site is verified" says so.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import zipfile
from pathlib import Path


def relabel(wheel: Path, version: str) -> Path:
    """Copy a pure wheel under another version; returns the new wheel."""
    name, old = wheel.name.split("-")[:2]
    target = wheel.with_name(wheel.name.replace(old, version))
    record = f"{name}-{version}.dist-info/RECORD"
    lines = []
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        for member in source.namelist():
            if member.endswith(".dist-info/RECORD"):
                continue
            data = source.read(member)
            member = member.replace(f"{name}-{old}.dist-info", f"{name}-{version}.dist-info")
            if member.endswith(".dist-info/METADATA"):
                data = data.replace(f"\nVersion: {old}\n".encode(), f"\nVersion: {version}\n".encode())
            copy.writestr(member, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            lines.append(f"{member},sha256={digest},{len(data)}")
        copy.writestr(record, "\n".join([*lines, f"{record},,"]) + "\n")
    return target


def prepare(folder: Path) -> None:
    """Add the certifi LiteLLM asks for, when the one fetched is older."""
    with zipfile.ZipFile(next(folder.glob("litellm-1*.whl"))) as wheel:
        metadata = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        wanted = re.search(rb"^Requires-Dist: certifi>=([\d.]+)", wheel.read(metadata), re.MULTILINE)
    if wanted is None:
        return
    floor = tuple(int(part) for part in wanted.group(1).decode().split("."))
    have = next(folder.glob("certifi-*.whl"))
    if tuple(int(part) for part in have.name.split("-")[1].split(".")) < floor:
        relabel(have, wanted.group(1).decode())


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
