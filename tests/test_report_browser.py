"""A report of hostile names in a real browser: they are shown, and never run."""

import os
import shutil
import subprocess

import numpy as np
import pytest
from html_outline import Outline
from sklearn.utils import Bunch

from skgenre import make_model, run_benchmark, write_report
from skgenre.audit import AuditReport, Finding

pytest.importorskip("matplotlib").use("agg")
pytest.importorskip("jinja2")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-sync"),
    "--disable-component-update",
)

# Each marks the page if it is run. Slashes, which no file name has, are left out.
MARK = "document.documentElement.setAttribute('run', 'yes')"
ATTACKS = [
    f'<script>{MARK}<script x="',
    f'<img src=x onerror="{MARK}">',
    f'" autofocus tabindex=0 onfocus="{MARK}',
    f"' onmouseover='{MARK}",
    f"<svg onload={MARK.replace(' ', '')}>",
    "{{ 7 * 191 }}",
]
NOT_UTF8 = os.fsdecode(b"caf\xe9")
CLOSED = [f"</title></td><script>{MARK}</script>", *ATTACKS]


@pytest.fixture(scope="module")
def page(made_tracks, tmp_path_factory):
    """The report of tracks, genres, artists and models with hostile names."""
    folder = tmp_path_factory.mktemp("hostile")
    data = Bunch(**made_tracks)
    # matplotlib takes what is between dollar signs for a formula.
    genres = [CLOSED[0], CLOSED[2], r"$\frac{</td>$"]
    genres = dict(zip(data.target_names, genres, strict=True))
    data.target = np.array([genres[genre] for genre in data.target], dtype=object)
    unreadable = [folder / f"{attack}.wav" for attack in [*ATTACKS, NOT_UTF8]]
    for path in unreadable:
        path.write_text("no sound")
    data.paths = [*data.paths, *map(str, unreadable)]
    data.target = np.append(data.target, [CLOSED[0]] * len(unreadable))
    data.groups = [*data.groups, *CLOSED[: len(unreadable)]]
    models = {
        CLOSED[0]: make_model("knn"),
        r"$\sqrt$": make_model("dummy"),
        CLOSED[2]: make_model("knn", n_neighbors=1000),
    }
    result = run_benchmark(
        models, data, protocols=("track", "artist"), n_splits=2, command=CLOSED[0]
    )
    findings = [Finding(CLOSED[0], (0,), f"all by {artist}") for artist in CLOSED]
    audit = AuditReport([CLOSED[0]], findings, [])
    write_report(result, folder, audit=audit)
    return folder / "report.html"


def assert_harmless(html):
    page = Outline(html)
    assert "run" not in dict(page.tags)["html"]
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert scripts == [{}]
    images = [attrs["src"] for tag, attrs in page.tags if tag == "img"]
    assert all(source.startswith("data:image/png;base64,") for source in images)
    assert not [tag for tag, attrs in page.tags for name in attrs if name[:2] == "on"]
    for name in [*CLOSED, r"caf\udce9.wav"]:
        assert name in page.text


def test_hostile_names_are_text(page):
    assert_harmless(page.read_text(encoding="utf-8"))


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_shows_hostile_names_and_runs_none(page, tmp_path):
    done = subprocess.run(
        [
            *(CHROMIUM, *SWITCHES, f"--user-data-dir={tmp_path}", "--dump-dom"),
            *("--virtual-time-budget=2000", page.as_uri()),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert_harmless(done.stdout.decode("utf-8"))


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("attack", [CLOSED[0], ATTACKS[1], ATTACKS[4]])
def test_the_same_names_unescaped_would_run(tmp_path, attack):
    (tmp_path / "page.html").write_text(f"<p>{attack}</p>")
    command = [CHROMIUM, *SWITCHES, f"--user-data-dir={tmp_path}", "--dump-dom"]
    done = subprocess.run(
        [*command, "--virtual-time-budget=2000", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert dict(Outline(done.stdout.decode()).tags)["html"].get("run") == "yes"
