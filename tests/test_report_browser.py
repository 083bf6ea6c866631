"""A report of hostile names in a real browser: they are shown, and never run."""

import os
import re
import shutil
import subprocess

import numpy as np
import pytest
from html_outline import Outline
from sklearn.utils import Bunch

from skgenre import make_model, run_benchmark, write_report
from skgenre.audit import AuditReport, Finding
from skgenre.benchmark import BenchmarkResult

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
    audit = AuditReport(paths=[CLOSED[0]], findings=findings, replicas=[])
    write_report(result, folder, audit=audit)
    return folder / "report.html"


def dump_dom(path, profile, *switches):
    """What a browser has made of a page."""
    done = subprocess.run(
        [
            *(CHROMIUM, *SWITCHES, *switches, f"--user-data-dir={profile}"),
            *("--dump-dom", "--virtual-time-budget=2000", path.as_uri()),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    )
    return done.stdout.decode("utf-8")


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
    assert_harmless(dump_dom(page, tmp_path))


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("attack", [CLOSED[0], ATTACKS[1], ATTACKS[4]])
def test_the_same_names_unescaped_would_run(tmp_path, attack):
    (tmp_path / "page.html").write_text(f"<p>{attack}</p>")
    dom = dump_dom(tmp_path / "page.html", tmp_path)
    assert dict(Outline(dom).tags)["html"].get("run") == "yes"


@pytest.fixture(scope="module")
def plain_page(tmp_path_factory):
    """The report of one model with a recall of 0, 50 and 100 %."""
    folder = tmp_path_factory.mktemp("plain")
    target = ["blues", "80s", "80s", "rock"]
    answers = {"rows": [0, 1, 2, 3], "target": target}
    answers["predicted"] = ["blues", "80s", "rock", "80s"]
    label = {"model": "knn", "protocol": "track", "seed": 0, "fold": 0}
    row = {**label, "accuracy": 0.5, "n_train": 8, "n_test": 4, "predictions": answers}
    write_report(BenchmarkResult.from_rows([row]), folder)
    return folder / "report.html"


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize(
    ("column", "clicks", "genres"),
    [
        (2, 1, ["rock", "80s", "blues"]),
        (2, 2, ["blues", "80s", "rock"]),
        # "80s" is no number.
        (0, 1, ["80s", "blues", "rock"]),
        (0, 2, ["rock", "blues", "80s"]),
    ],
)
def test_a_click_on_a_column_sorts_the_genres(
    plain_page, tmp_path, column, clicks, genres
):
    script = f"""<script>
    const table = document.querySelector(".shaded table");
    for (let i = 0; i < {clicks}; i++)
      table.querySelectorAll("button")[{column}].click();
    document.title = [...table.tBodies[0].rows].map(r => r.cells[0].textContent);
    </script>"""
    copy = tmp_path / "page.html"
    copy.write_text(plain_page.read_text("utf-8") + script, "utf-8")
    assert f"<title>{','.join(genres)}</title>" in dump_dom(copy, tmp_path)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("dark", [False, True])
def test_text_contrasts_with_the_page_in_light_and_dark(plain_page, tmp_path, dark):
    script = """<script>
    const {color, backgroundColor} = getComputedStyle(document.body);
    document.title = color + " on " + backgroundColor;
    </script>"""
    copy = tmp_path / "page.html"
    copy.write_text(plain_page.read_text("utf-8") + script, "utf-8")
    settings = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    title = re.search("<title>(.*)</title>", dump_dom(copy, tmp_path, settings))[1]
    text, page = (sum(map(int, re.findall(r"\d+", c))) for c in title.split(" on "))
    assert (text > 600 and page < 100) if dark else (text < 150 and page > 700)
