"""Check that every link within the built documentation, and every picture, is there."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit


class Page(HTMLParser):
    """The anchors of a page, and the addresses that it links or shows."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id":
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.add(value)


root = Path(sys.argv[1]).resolve()
# The theme's own templates are in _static.
files = [path for path in root.rglob("*.html") if path.parent.name != "_static"]
pages = {path: Page(path) for path in files}
n_links, broken = 0, []
for path, page in pages.items():
    for link in sorted(page.links):
        url = urlsplit(urljoin(path.as_uri(), link))
        if url.scheme != "file":
            continue
        n_links += 1
        target, anchor = Path(unquote(url.path)), unquote(url.fragment)
        found = target.is_file() and not (
            anchor and target in pages and anchor not in pages[target].anchors
        )
        if not found:
            broken.append(f"{path.relative_to(root)}: {link}")
print(f"{n_links} internal links of {len(pages)} pages, {len(broken)} broken")
sys.exit("\n".join(broken) or 0)
