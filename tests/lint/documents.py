#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Documents agree with the tree.

Relative links lead to files, and README.md files of folders stay short.
"""
import pathlib
import re
import sys

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
README_LINES = 30


def main():
    root = pathlib.Path(sys.argv[1])
    pages = [p for p in sorted(root.rglob("*.md"))
             if not re.match(r"(build[^/]*|\.git)/", str(p.relative_to(root)))]
    bad = []
    for page in pages:
        text = page.read_text()
        for link in LINK.findall(text):
            if "://" not in link and not link.startswith("mailto:") and not (page.parent / link).exists():
                bad.append(f"{page.relative_to(root)}: no such file: {link}")
        if page.name == "README.md" and page.parent not in (root, root / "docs/decisions"):
            lines = len(text.splitlines())
            if lines > README_LINES:
                bad.append(f"{page.relative_to(root)}: {lines} lines, at most {README_LINES}")
    print("\n".join(bad) if bad else f"{len(pages)} pages")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
