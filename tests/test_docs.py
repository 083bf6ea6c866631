"""The documentation's pages and examples: their code runs as it is shown."""

import ast
import glob
import re
import shlex
import textwrap
from pathlib import Path

import pytest
import soundfile
from joblib.externals.loky import get_reusable_executor
from m4a import write_m4a

from skgenre.cli import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EXAMPLES = sorted(ROOT.glob("examples/plot_*.py"))
# Code of other libraries, or of machines that are not here.
ELSEWHERE = ":class: elsewhere"
# A comment of a page: from there on, its code needs a library.
NEEDS = re.compile(r"^\.\. needs: (.+)$", re.MULTILINE)


def list_snippets(page):
    """Line number, source and needs of each python block of a page that is to run."""
    blocks = re.finditer(
        r"^( *)\.\. code-block:: python\n((?:\1 +:.*\n)*)\n((?:\1 +.*\n|\n)+)",
        page.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    for block in blocks:
        if ELSEWHERE not in block[2]:
            before = block.string[: block.start(3)]
            yield before.count("\n"), textwrap.dedent(block[3]), NEEDS.findall(before)


HAND_WRITTEN = [
    page
    for page in sorted(DOCS.rglob("*.rst"))
    if not {"generated", "auto_examples", "_build", "_templates"} & {*page.parts}
]
PAGES = [page for page in HAND_WRITTEN if any(list_snippets(page))]


def write_collection(tracks, folder):
    """The tracks in three formats and folders, one of them incomplete, and a table."""
    from mutagen import File

    lines = ["path,genre,artist"]
    for n, (source, genre, artist) in enumerate(
        zip(tracks.paths, tracks.target, tracks.groups, strict=True), start=1
    ):
        name = (f"old/{n:02}.flac", f"bought/{n:02}.m4a", f"{n:02}.mp3")[(n - 1) % 3]
        lines.append(f"{name},{genre},{artist}")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        signal, sample_rate = soundfile.read(source, dtype="float32")
        if path.suffix == ".m4a":
            write_m4a(path, signal, sample_rate)
        else:
            soundfile.write(path, signal, sample_rate)
        file = File(path, easy=True)
        file.update({"genre": genre, "artist": artist})
        file.save()
    path.write_bytes(path.read_bytes()[:30_000])
    (folder / "tracks.csv").write_text("\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_snippets_of_a_page_run_from_top_to_bottom(
    page, made_tracks, tmp_path, monkeypatch, request
):
    if page.stem == "pretrained":
        request.getfixturevalue("musicnn_folder")
    pytest.importorskip("matplotlib").use("agg")
    monkeypatch.chdir(tmp_path)
    if "music/tracks.csv" in page.read_text(encoding="utf-8"):
        pytest.importorskip("av")
        pytest.importorskip("mutagen")
        write_collection(made_tracks, Path("music"))
    # Workers of earlier tests are in the folder of their first call.
    get_reusable_executor().shutdown(wait=True)
    Path("genres").symlink_to(made_tracks.paths[0].rsplit("/", 3)[0])
    namespace = {"__name__": "snippets"}
    for n_lines, source, needs in list_snippets(page):
        for library in needs:
            pytest.importorskip(library)
        # Errors name the page and the line.
        exec(compile("\n" * n_lines + source, str(page), "exec"), namespace)


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=lambda page: page.stem)
def test_code_of_a_page_is_shown_whole_and_can_be_pasted(page):
    blocks = re.findall(
        r"^( *)\.\. code-block:: \w+\n((?:\1 +:.*\n)*)\n((?:\1 +.*\n|\n)+)",
        page.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    for _, options, code in blocks:
        lines = textwrap.dedent(code).splitlines()
        assert max(map(len, lines)) <= 88, code
        # The indent of options is taken off the code: if it is less, spaces remain.
        indents = {re.match(" *", part)[0] for part in (options or code, code)}
        assert len(indents) == 1, code


def test_commands_of_the_quickstart_run(made_tracks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("genres").symlink_to(made_tracks.paths[0].rsplit("/", 3)[0])
    page = (DOCS / "quickstart.rst").read_text(encoding="utf-8")
    commands = re.findall(r"^ +skgenre (.*)", page.replace("\\\n", ""), re.MULTILINE)
    assert {command.split()[0] for command in commands} == set(
        ["audit", "benchmark", "train", "info", "predict"]
    )
    for command in commands:
        arguments = []
        for word in shlex.split(command.partition(" >")[0]):
            arguments += sorted(glob.glob(word)) or [word]
        assert main(arguments) == 0, command
    assert Path("report/report.html").exists()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.stem)
def test_example_is_short(example):
    source = example.read_text(encoding="utf-8")
    docstring = ast.parse(source).body[0].end_lineno
    code = [line.strip() for line in source.splitlines()[docstring:]]
    assert sum(bool(line) and not line.startswith("#") for line in code) <= 40
