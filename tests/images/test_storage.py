"""The image stores: one suite over a bucket, through Google's client and HTTP, and over a folder."""

from __future__ import annotations

import email
import email.policy
import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from imagegen.images.records import Picture
from imagegen.images.storage import BucketImages, FolderImages, ImageStore, ImageStoreError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FIRST, SECOND = Picture(SIGNATURE + b"first"), Picture(SIGNATURE + b"second")
BUCKET = "demo-imagegen.appspot.com"


@dataclass
class Bucket:
    """The objects of a bucket, and the faults of the next calls: a status, answered before or after the work."""

    objects: dict[str, tuple[dict[str, Any], bytes]] = field(default_factory=dict)
    refuse: list[int] = field(default_factory=list)
    lose_answer: list[int] = field(default_factory=list)
    calls: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, query: dict[str, list[str]], content_type: str, body: bytes) -> tuple[int, bytes]:
        """A multipart upload, which has the metadata in its first part and the content in its second."""
        assert (query["uploadType"], query["ifGenerationMatch"]) == (["multipart"], ["0"])
        whole = f"Content-Type: {content_type}\r\n\r\n".encode() + body
        message = email.message_from_bytes(whole, policy=email.policy.default)
        described, picture = message.iter_parts()
        metadata = json.loads(described.get_content())
        metadata["contentType"] = picture.get_content_type()
        # The parser may change line ends: the content is between its headers and the last boundary.
        content = body.split(b"\r\n\r\n", 2)[2].rpartition(f"\r\n--{message.get_boundary()}--".encode())[0]
        if metadata["name"] in self.objects:
            return 412, b"{}"
        metadata |= {"bucket": BUCKET, "generation": "1", "metageneration": "1", "size": str(len(content))}
        self.objects[metadata["name"]] = (metadata, content)
        return 200, json.dumps(metadata).encode()

    def look_up(self, name: str) -> tuple[int, bytes]:
        if name not in self.objects:
            return 404, b"{}"
        return 200, json.dumps(self.objects[name][0]).encode()

    def download(self, name: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        """As Firebase: to every caller with the token."""
        metadata, content = self.objects[name]
        return (
            (200, content) if query["token"] == [metadata["metadata"]["firebaseStorageDownloadTokens"]] else (403, b"")
        )

    def answer(self, method: str, url: str, content_type: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(url)
        query, name = parse_qs(parts.query), unquote(parts.path.rpartition("/o/")[2])
        with self.lock:
            self.calls += 1
            if self.refuse:
                return self.refuse.pop(), b"{}"
            if method == "POST" and parts.path == f"/upload/storage/v1/b/{BUCKET}/o":
                answer = self.create(query, content_type, body)
            elif method == "DELETE" and parts.path.startswith(f"/storage/v1/b/{BUCKET}/o/"):
                answer = (404 if self.objects.pop(name, None) is None else 204), b""
            elif parts.path.startswith(f"/storage/v1/b/{BUCKET}/o/"):
                answer = self.look_up(name)
            elif parts.path.startswith(f"/v0/b/{BUCKET}/o/"):
                return self.download(name, query)
            else:
                return 404, b"{}"
            return (self.lose_answer.pop(), b"{}") if self.lose_answer else answer


@contextmanager
def served(bucket: Bucket) -> Iterator[str]:
    """Serve a bucket as Cloud Storage does and yield its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = bucket.answer(self.command, self.path, self.headers.get("Content-Type", ""), body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)

        # The names are the standard library's.
        do_POST = do_GET  # noqa: N815
        do_DELETE = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def bucket() -> Bucket:
    """An empty bucket."""
    return Bucket()


@pytest.fixture
def bucket_images(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketImages]:
    """The store on the bucket."""
    with served(bucket) as origin:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", origin)
        tokens = itertools.count(1)
        yield BucketImages(
            BUCKET,
            project_id="demo-imagegen",
            new_token=lambda: f"token{next(tokens)}",
            timeout_seconds=5,
            origin=origin,
        )


@dataclass
class Kept:
    """A store, and what a browser gets from one of its URLs."""

    store: ImageStore
    fetch: Callable[[str], bytes]


@pytest.fixture(params=["bucket", "folder"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Either store, empty."""
    if request.param == "bucket":
        store = request.getfixturevalue("bucket_images")
        return Kept(store, lambda url: httpx.get(url).raise_for_status().content)
    base = "http://127.0.0.1:5001/images"
    return Kept(FolderImages(tmp_path / "images", f"{base}/"), lambda url: _read(tmp_path / "images", base, url))


def _read(folder: Path, base: str, url: str) -> bytes:
    served_from, _, name = url.rpartition("/")
    assert served_from == base
    return (folder / name).read_bytes()


class TestImageStore:
    def test_a_saved_picture_opens(self, kept: Kept) -> None:
        """The URL returns exactly the bytes of the picture."""
        assert kept.fetch(kept.store.save("gen1", FIRST).url) == FIRST.content

    def test_a_saved_picture_is_found(self, kept: Kept) -> None:
        """A later lookup finds the URL that saving returned, and none for another id."""
        saved = kept.store.save("gen1", FIRST)
        assert (kept.store.find("gen1"), kept.store.find("gen2")) == (saved, None)

    def test_the_first_picture_stays(self, kept: Kept) -> None:
        """Saving again changes nothing and returns the URL of the first picture."""
        first = kept.store.save("gen1", FIRST)
        assert kept.store.save("gen1", SECOND) == first
        assert kept.fetch(first.url) == FIRST.content

    def test_concurrent_saves_keep_one_picture(self, kept: Kept) -> None:
        """Concurrent saves of one id all return the same URL, and it has one whole picture."""
        pictures = [Picture(SIGNATURE + bytes([number]) * 10_000) for number in range(8)]
        with ThreadPoolExecutor(len(pictures)) as threads:
            images = set(threads.map(lambda picture: kept.store.save("gen1", picture), pictures))
        (image,) = images
        assert kept.fetch(image.url) in [picture.content for picture in pictures]
        assert kept.store.find("gen1") == image

    def test_a_deleted_picture_is_gone(self, kept: Kept) -> None:
        """A deleted picture is not found, other pictures stay, and deleting what is not there is no error."""
        other = kept.store.save("gen2", SECOND)
        kept.store.save("gen1", FIRST)
        for _ in range(2):
            kept.store.delete("gen1")
        assert (kept.store.find("gen1"), kept.store.find("gen2")) == (None, other)

    @pytest.mark.parametrize("generation_id", ["", "../gen1", "a/b", ".", "a.png", "a\n", "é", "x" * 129])
    def test_an_id_names_one_file_below(self, kept: Kept, generation_id: str) -> None:
        """An id that would change the path is refused."""
        with pytest.raises(ImageStoreError, match="not a valid file name"):
            kept.store.save(generation_id, FIRST)
        with pytest.raises(ImageStoreError, match="not a valid file name"):
            kept.store.find(generation_id)
        with pytest.raises(ImageStoreError, match="not a valid file name"):
            kept.store.delete(generation_id)


class TestBucketImages:
    def test_an_object_has_the_right_metadata(self, bucket: Bucket, bucket_images: BucketImages) -> None:
        """The object is a PNG that may be cached forever, written in a single call."""
        url = bucket_images.save("gen1", FIRST).url
        metadata, _ = bucket.objects["generations/gen1.png"]
        assert (metadata["contentType"], metadata["cacheControl"]) == (
            "image/png",
            "public, max-age=31536000, immutable",
        )
        assert url.endswith(f"/v0/b/{BUCKET}/o/generations%2Fgen1.png?alt=media&token=token1")
        assert bucket.calls == 1

    def test_production_urls_are_firebase_urls(self, bucket_images: BucketImages) -> None:
        """Without an emulator's origin the URL is Firebase's, which serves private buckets by token."""
        bucket_images.save("gen1", FIRST)
        deployed = BucketImages(BUCKET, project_id=None, new_token=lambda: "unused", timeout_seconds=5)
        found = deployed.find("gen1")
        assert found is not None
        assert found.url.startswith(f"https://firebasestorage.googleapis.com/v0/b/{BUCKET}/o/generations%2Fgen1.png?")

    def test_a_fault_is_retried(self, bucket: Bucket, bucket_images: BucketImages) -> None:
        """A bucket that is unavailable for a moment is asked again."""
        bucket.refuse = [503]
        assert bucket_images.save("gen1", FIRST) == bucket_images.find("gen1")

    def test_a_lost_answer_is_recovered(self, bucket: Bucket, bucket_images: BucketImages) -> None:
        """A picture that was stored but whose answer was lost is found, and its URL opens."""
        bucket.lose_answer = [503]
        assert httpx.get(bucket_images.save("gen1", FIRST).url).content == FIRST.content

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_a_refusal_is_one_error(self, bucket: Bucket, bucket_images: BucketImages, status: int) -> None:
        """A missing permission or bucket is not retried, and is an ImageStoreError."""
        bucket.refuse = [status]
        with pytest.raises(ImageStoreError):
            bucket_images.save("gen1", FIRST)
        assert bucket.calls == 1

    def test_a_deletion_that_is_refused(self, bucket: Bucket, bucket_images: BucketImages) -> None:
        """A missing permission to delete is an ImageStoreError: the picture is still there."""
        bucket_images.save("gen1", FIRST)
        bucket.refuse = [403]
        with pytest.raises(ImageStoreError):
            bucket_images.delete("gen1")
        assert bucket_images.find("gen1")

    def test_an_object_without_a_token_is_an_error(self, bucket: Bucket, bucket_images: BucketImages) -> None:
        """An object without a token, from another writer, is an error, because its URL would not open."""
        bucket_images.save("gen1", FIRST)
        del bucket.objects["generations/gen1.png"][0]["metadata"]
        with pytest.raises(ImageStoreError):
            bucket_images.find("gen1")

    def test_a_silent_bucket_times_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server that accepts the call and never answers is an error, and no thread goes on asking it."""
        threads = set(threading.enumerate())
        with socket.create_server(("127.0.0.1", 0)) as silent:
            origin = f"http://127.0.0.1:{silent.getsockname()[1]}"
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", origin)
            store = BucketImages(BUCKET, project_id="p", new_token=lambda: "t", timeout_seconds=0.05, origin=origin)
            with pytest.raises(ImageStoreError):
                store.save("gen1", FIRST)
            with pytest.raises(ImageStoreError):
                store.find("gen1")
            assert set(threading.enumerate()) <= threads


class TestFolderImages:
    def test_leaves_no_other_files(self, tmp_path: Path) -> None:
        """A folder holds only pictures, also after a second save."""
        store = FolderImages(tmp_path, "http://127.0.0.1:5001/images")
        store.save("gen1", FIRST)
        store.save("gen1", SECOND)
        assert [path.name for path in tmp_path.iterdir()] == ["gen1.png"]

    def test_an_impossible_folder_is_an_error(self, tmp_path: Path) -> None:
        """If a file is in the way, the disk error becomes the store's error."""
        (tmp_path / "images").write_text("in the way")
        with pytest.raises(ImageStoreError):
            FolderImages(tmp_path / "images", "http://127.0.0.1:5001/images").save("gen1", FIRST)
