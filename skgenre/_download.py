"""Download a file whose sha256 is known; nothing else is accepted."""

import io

_N_TRIES = 3


def download_file(url, folder, *, sha256, max_bytes, progressbar=True):
    """Put the file at `url` into `folder`; return its path.

    A connection that breaks, or a file with another checksum, is tried again, three
    times in all. OSError, with the URL, where it cannot be had, has more than
    `max_bytes`, or leads from HTTPS to something else.
    """
    import pooch
    import requests

    def check(response, **_):
        """Check an answer, or a redirect, before its body is read."""
        if url.startswith("https:") and not response.url.startswith("https:"):
            raise OSError(f"{url} leads to {response.url}, without HTTPS.")
        # The checksum is that of the bytes as they are sent. Unpacked by requests, a
        # kilobyte may become a gigabyte of memory.
        response.raw.headers.discard("Content-Encoding")
        if response.is_redirect:
            # Its body, which may never end, would be read into memory.
            response.close()

    fetch = pooch.HTTPDownloader(
        progressbar=progressbar,
        timeout=60,
        headers={"Accept-Encoding": "identity"},
        hooks={"response": check},
    )

    def download(url, path, source):
        with _BoundedFile(path, max_bytes, url) as file:
            fetch(url, file, source)

    name = url.rsplit("/", 1)[-1]
    source = pooch.create(
        path=folder,
        base_url=url.removesuffix(name),
        registry={name: f"sha256:{sha256}"},
        retry_if_failed=_N_TRIES - 1,
    )
    try:
        return source.fetch(name, downloader=download)
    except requests.exceptions.RequestException as error:
        raise OSError(f"{url} could not be fetched: {error}") from error
    except ValueError as error:
        raise OSError(
            f"{url} has other content than expected (sha256 {sha256}): {error}"
        ) from error


class _BoundedFile(io.FileIO):
    """A new file that does not grow larger than what is fetched can be."""

    def __init__(self, path, max_bytes, url):
        super().__init__(path, "wb")
        self._max_bytes, self._url = max_bytes, url

    def write(self, content):
        if self.tell() + len(content) > self._max_bytes:
            raise OSError(f"{self._url} sends more than {self._max_bytes} bytes.")
        return super().write(content)
