"""Build the site unless what stands in site/ was built from exactly this: ``python -m macros.build``.

Everything the build reads is compared by content, and so is what it wrote. The
exit status is that of MkDocs, 0 where nothing had to be built.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What a build reads, and what it writes; its environment changes with macros/requirements.txt.
READ = ("docs", "snippets", "schemas", "macros", "mkdocs.yml")
WRITTEN = ("site", "reports/rendered")
STAMP = ROOT / "reports" / "site.stamp"


def digest(root: Path = ROOT) -> str:
    """Of every file that is read or written, with its path; a missing one changes it."""
    found = hashlib.sha256(f"{sys.version}\0{os.environ.get('HANDBOOK_PAGES', '')}".encode())
    for name in (*READ, *WRITTEN):
        top = root / name
        for path in [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            found.update(f"\0{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()


def main() -> int:
    if STAMP.exists() and STAMP.read_text() == digest():
        return 0
    STAMP.unlink(missing_ok=True)
    status = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--quiet"], cwd=ROOT).returncode
    if status == 0:
        STAMP.parent.mkdir(exist_ok=True)
        STAMP.write_text(digest())
    return status


if __name__ == "__main__":
    sys.exit(main())
