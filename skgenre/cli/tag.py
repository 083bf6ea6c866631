"""Print the most likely tags of each audio file, such as guitar, female vocalists or
80s: the mean likelihood, over the segments of the whole recording, that a pretrained
network of musicnn gives to each of its 50 tags. A file that cannot be analysed gets a
row that says why, and the exit code is then 1.

examples:
  skgenre tag song.mp3
  skgenre tag music/*.flac --model MSD_musicnn --top 3
  skgenre tag music/*.flac --json > tags.json
"""

from skgenre.cli.arguments import (
    FOLDERS,
    PRETRAINED_NAMES,
    add_channel,
    add_command_parser,
    add_files,
    add_json,
    named_path,
    whole_number,
)
from skgenre.cli.files import explain_no_path, list_files
from skgenre.cli.screen import (
    JSONArray,
    NameColumn,
    is_output_terminal,
    say,
    show_progress,
)

_N_TAGS = 50


def add_command(commands):
    """Add the command's parser."""
    parser = add_command_parser(
        commands,
        "tag",
        _run,
        help="print the most likely tags of audio files",
        text=__doc__,
    )
    add = parser.add_argument
    add_files(parser)
    add(
        "--model",
        choices=PRETRAINED_NAMES,
        default="MTT_musicnn",
        metavar="NAME",
        help=f"one of {', '.join(PRETRAINED_NAMES)}; those of MSD were trained on more "
        "and better-known music (default: MTT_musicnn)",
    )
    add(
        "--top",
        type=whole_number(1, _N_TAGS),
        default=10,
        metavar="N",
        help="number of tags per file (default: 10)",
    )
    add_json(parser, "an array, one object per file")
    add(
        "--weights-dir",
        type=named_path,
        metavar="DIR",
        help="folder of the weights (default: where skgenre.fetch_musicnn puts them, "
        "or an installed musicnn)",
    ).completer = FOLDERS
    add_channel(parser)


def _run(options):
    from skgenre.features import MusicnnEmbedding

    files = list_files(options.files, recursive=options.recursive)
    # Whole recordings, as `skgenre predict` takes them.
    embedding = MusicnnEmbedding(
        options.model,
        layer="tags",
        n_segments=None,
        channel=options.channel,
        weights_dir=options.weights_dir,
    )
    # Before the first row: missing weights are an error of no file.
    embedding.fit(files)
    answers = _JSONAnswers() if options.json else _TableAnswers(files)
    # On a screen, the rows themselves show the progress.
    if not is_output_terminal():
        files = show_progress(files, total=len(files), desc="tagging")
    n_failed = 0
    for path in files:
        reason = explain_no_path(path)
        if reason is None:
            analysis = embedding.analyse([path], strict=False)
            reason = next(iter(analysis.failures.values()), None)
        if reason is None:
            likelihoods = analysis.features[0, :, 0].mean(axis=0, dtype="float64")
            order = likelihoods.argsort(kind="stable")[::-1][: options.top]
            names = embedding.get_feature_names_out()[order]
            answers.add(
                path, dict(zip(names, likelihoods[order].tolist(), strict=True))
            )
        else:
            n_failed += 1
            answers.add_failure(path, reason)
    answers.end()
    return int(n_failed > 0)


class _TableAnswers:
    """Aligned columns, a row per tag."""

    def __init__(self, files):
        head = f"  {'tag':17}  likelihood"
        self._names = NameColumn(files, beside=len(head))
        say(self._names.format("file") + head)

    def add(self, path, tags):
        """Print the rows of a file."""
        name = self._names.format(path)
        for tag, likelihood in tags.items():
            say(f"{name}  {tag:17}  {likelihood:10.3f}")

    def add_failure(self, path, reason):
        """Print the row of a file that has no answer."""
        say(self._names.format_failure(path, reason))

    def end(self):
        """Print nothing: a table has no end."""


class _JSONAnswers:
    """A JSON array, one object per file."""

    def __init__(self):
        self._array = JSONArray()

    def add(self, path, tags):
        """Print the object of a file: ``path``, and ``tags`` with their likelihoods."""
        self._array.add({"path": path, "tags": tags})

    def add_failure(self, path, reason):
        """Print the object of a file that has no answer: ``path`` and ``error``."""
        self._array.add({"path": path, "error": reason})

    def end(self):
        """Close the array."""
        self._array.end()
