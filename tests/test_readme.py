"""What the README shows runs as it is written, and Markdown links what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FOLDERS = (ROOT, ROOT / "benchmarks", ROOT / ".github")
PAGES = [page for folder in FOLDERS for page in sorted(folder.glob("*.md"))]


def block(marker):
    found = re.search(
        rf"<!-- {marker} -->\n```\w+\n(.*?)```\n<!-- end -->",
        README.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    return found[1]


def test_example_runs_as_written(made_tracks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("genres").symlink_to(made_tracks.paths[0].rsplit("/", 3)[0])
    exec(block("example"), {})
    # Two sets of analysis parameters, each file once in each.
    n_entries = len(list(Path("features").glob("*/*.npy")))
    assert n_entries == 2 * len(made_tracks.paths)


def test_ci_runs_the_readmes_test_command():
    ci = Path(README.parent, ".ci", "run").read_text(encoding="utf-8")
    assert 'readme_command "test command"' in ci
    assert "pytest" in block("test command")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_linked_in_markdown_are_there(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
