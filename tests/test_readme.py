"""What the README shows runs as it is written."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


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


@pytest.mark.parametrize(
    "link", re.findall(r"\]\(([^):]+)\)", README.read_text("utf-8"))
)
def test_linked_file_is_there(link):
    assert Path(README.parent, link).is_file()
