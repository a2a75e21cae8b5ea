"""Takes what the workers of a parallel-workers group make. Python's standard library only; copy it into your trainer.

    for item in Feed("train", "http://127.0.0.1:8080"):
        images = item.tensors()["images"]  # a flat array, with its .shape and .dtype

The iteration ends when the group has completed and everything is taken. It goes past the service, over the Unix domain
socket of the group, where that can be reached from here, and over the service's port where it cannot.
"""
import array
import collections
import http.client
import json
import os
import socket
import struct
import threading
import time
import urllib.parse

AGAIN_SECONDS = 0.1  # between two looks at a group that is on its way
CONNECT_SECONDS = 10
TAKE_SECONDS = 10.0  # that one question waits
AWAY = (502, 503, 504)  # what is said, by a proxy or itself, of a service that is not there, or is busy
SOCKET_SECONDS = 10  # over the port, so often the socket is looked for
ROUND_BYTES = 64 * 1024  # of memory for answers, which are seldom of the same length to the byte
ARRAYS = {"F64": "d", "F32": "f", "I64": "q", "I32": "i", "I16": "h", "I8": "b", "U64": "Q", "U32": "I", "U16": "H", "U8": "B"}


class FeedError(Exception):
    """Nothing more will come, and not because all is done."""


class Tensor(array.array):
    """The elements of a tensor, row by row, with its `shape` and its `dtype`, such as "F32".

    numpy.asarray(tensor).reshape(tensor.shape) is the same as an array of numpy, and torch.frombuffer(tensor,
    dtype=torch.float32).reshape(tensor.shape) as a tensor of PyTorch. Types that `array` does not have, such as "BF16", are
    bytes: the bits of the elements.
    """

    def __new__(cls, dtype, shape, data):
        tensor = super().__new__(cls, ARRAYS.get(dtype, "B"))
        tensor.dtype, tensor.shape = dtype, tuple(shape)
        tensor.frombytes(data)  # little-endian, as nearly all machines are
        return tensor

    def __copy__(self):
        return Tensor(self.dtype, self.shape, self.tobytes())

    def __deepcopy__(self, memo):
        return self.__copy__()


class Item:
    """One item: its bytes as `data`, and what the worker and the feed say of it."""

    __slots__ = ("data", "content_type", "worker_id", "sequence", "meta")

    def __init__(self, data, head):
        self.data = data
        self.content_type, self.meta = head["contentType"], head["meta"]
        self.worker_id, self.sequence = head["workerId"], head["sequence"]

    def __reduce__(self):  # for other processes, with a copy of its bytes
        head = {"contentType": self.content_type, "meta": self.meta, "workerId": self.worker_id, "sequence": self.sequence}
        return Item, (bytes(self.data), head)

    def tensors(self):
        """The tensors of an item in the safetensors format, by name."""
        try:
            (size,) = struct.unpack_from("<Q", self.data)
            head = json.loads(bytes(self.data[8 : 8 + size]))
        except (struct.error, ValueError) as error:
            raise ValueError(f"an item of type {self.content_type} is not in the safetensors format: take its data") from error
        body = self.data[8 + size :]
        return {
            name: Tensor(info["dtype"], info["shape"], body[slice(*info["data_offsets"])])
            for name, info in head.items()
            if name != "__metadata__"
        }


def parse(body):
    """The items of one answer to `take?max=N`."""
    at, items = 0, []
    while at < len(body):
        (size,) = struct.unpack_from(">I", body, at)
        head = json.loads(bytes(body[at + 4 : at + 4 + size]))
        begin = at + 4 + size
        at = begin + head["bytes"]
        items.append(Item(body[begin:at], head))
    return items


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix domain socket."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CONNECT_SECONDS)
        self.sock.connect(self.path)
        self.sock.settimeout(self.timeout)


class Feed:
    """
    The items of one group, as an iterator: a loop that breaks off goes on with the next item. When it has ended, with the group,
    it begins again with the next start of the group. An item that is kept keeps the answer that it came in: keep a copy, such as
    bytes(item.data), where there were many in it.

    Threads may share one: they take in turn. A process that was forked, or was sent a copy, asks for items of its own; what was
    taken before, and not looped over yet, stays with the first.

    url: the service. Without it only `path` is known, and the end of the group cannot be told from its absence.
    path: the Unix domain socket; by default the service is asked for it. "": over the service's port.
    most: so many items at a time, at most: more for items of a few KB, fewer for items of many MB, all of which are in memory.
    patience: how long to go on, in seconds, while the service or the group cannot be reached, or the group was not started yet.
    dry: raise FeedError when no item has come for so many seconds; None: wait for ever.
    token: for a service that asks for one.
    """

    def __init__(self, group, url=None, path=None, most=16, patience=30.0, dry=None, token=None):
        self.group, self.path, self.most = group, path, most
        self.url = url and (url if "://" in url else f"http://{url}").rstrip("/")
        self.patience, self.dry = patience, dry
        # A file that holds a token ends with a newline, as a rule.
        self.headers = {"authorization": f"Bearer {token.strip()}"} if token else {}  # for the service, and for nobody else
        self.waited = 0.0  # seconds from asking to the head of the answer: there was nothing to take yet, or it was on its way
        self.items = self.bytes = 0
        self.begin()

    def begin(self):
        """Nothing in hand: what a copy in another process begins with."""
        self.process, self.lock = os.getpid(), threading.Lock()
        self.connection, self.target, self.connected = None, None, None
        self.over = None  # "socket" or "port": what the last connection goes over
        self.is_early = False  # it goes over the port, and the socket may be there with the first answer
        self.pending, self.stream, self.memories = collections.deque(), None, []

    def __getstate__(self):
        mine = {"process", "lock", "connection", "target", "connected", "over", "is_early", "pending", "stream", "memories"}
        return {name: value for name, value in vars(self).items() if name not in mine}

    def __setstate__(self, state):
        vars(self).update(state)
        self.begin()

    def __iter__(self):
        return self

    def __next__(self):
        if self.process != os.getpid():
            self.close()  # this process' end alone: its parent goes on with the same connection
            self.begin()
        with self.lock:
            if self.stream is None:
                self.stream = self.answers()
            try:
                while not self.pending:
                    self.pending.extend(next(self.stream))
            except BaseException:
                self.stream = None
                raise
            return self.pending.popleft()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the connection; the next item opens a new one."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def answers(self):
        """Yields lists of items as they come, one answer of the feed after the other."""
        fed, failing = time.monotonic(), None  # when an item last came, and since when nothing does because something is wrong
        while True:
            try:
                left = TAKE_SECONDS if self.dry is None else self.dry - (time.monotonic() - fed)
                status, body = self.take(min(TAKE_SECONDS, max(left, AGAIN_SECONDS)))
            except (OSError, http.client.HTTPException) as error:
                status, body = None, f"{type(error).__name__}: {error}"
            now = time.monotonic()
            if status == 200:
                failing = None
                items = parse(body)
                self.items, self.bytes = self.items + len(items), self.bytes + len(body)
                yield items
                del items, body
                fed = time.monotonic()  # what the trainer does meanwhile is its own affair
            elif status == 204:
                failing = None
            elif status == 410:
                return
            elif status in (None, 409, *AWAY):
                self.close()
                if self.has_ended():
                    return
                failing = failing or now  # this process may have been stopped since it last had an answer
                if now - failing > self.patience:
                    raise FeedError(f"feed of {self.group}: nothing for {self.patience:.0f} s from {self.url or self.path}: {text(body)}")
                time.sleep(AGAIN_SECONDS)
            else:
                raise FeedError(f"feed of {self.group}: HTTP {status} {text(body)}")
            if self.dry is not None and now - fed > self.dry and failing != now:
                raise FeedError(f"feed of {self.group}: nothing came for {self.dry:.0f} s")

    def take(self, seconds=TAKE_SECONDS):
        """One question; returns status and body. Where it breaks off, whatever for, the answer goes back into the queue."""
        try:
            return self.ask(seconds)
        except BaseException:
            self.close()
            raise

    def ask(self, seconds):
        if self.over == "port" and self.path is None and time.monotonic() - self.connected > SOCKET_SECONDS:
            self.close()  # there may be a socket by now: a service that has just started does not know it yet
        if self.connection is None:
            self.connection, self.target, self.over = self.connect(TAKE_SECONDS + CONNECT_SECONDS)
            self.connected = time.monotonic()
        begin = time.monotonic()
        headers = self.headers if self.over == "port" else {}
        self.connection.request("POST", f"{self.target}?waitSeconds={seconds:.3f}&max={self.most}", headers=headers)
        response = self.connection.getresponse()
        self.waited += time.monotonic() - begin
        length = int(response.headers.get("content-length", 0))
        body, at = memoryview(self.room(length) if length > 0 else b"")[:length], 0
        while at < length:
            count = response.readinto(body[at:])
            if count == 0:
                raise http.client.IncompleteRead(b"", length - at)
            at += count
        response.read()  # so that the connection can be used again
        if response.status == 200 and self.is_early:
            self.close()  # the group runs, and has a socket; the next question goes there
        return response.status, body

    def room(self, length):
        """Memory for an answer: what no item lies in any more, since that is faster, or new. Not much more than it takes."""
        for memory in self.memories:
            if length <= len(memory) <= 2 * length + ROUND_BYTES and not is_looked_at(memory):
                return memory
        # Two: the last item of an answer is held, as a rule, while the next is being read.
        self.memories = [bytearray(length + -length % ROUND_BYTES), *self.memories[:1]]
        return self.memories[0]

    def connect(self, timeout):
        path = self.path
        if path is None and self.url is not None:
            path = self.call(f"/v1/groups/{self.group}/feed").get("socket")
        if path and (hasattr(socket, "AF_UNIX") or self.path):  # Windows has none
            connection = UnixConnection(path, timeout)
            try:
                connection.connect()
                self.is_early = False
                return connection, "/take", "socket"
            except OSError:
                if self.url is None or self.path:
                    raise  # not there yet, or not any more
        if self.url is None:
            raise FeedError(f"feed of {self.group}: give it the url of the service, or the path of the socket")
        # The group does not run yet; or its socket could not be reached for the first time: its host may just have died.
        self.is_early = self.path is None and (path is None or self.over != "port")
        path = urllib.parse.urlsplit(self.url).path
        return self.to_service(timeout), f"{path}/v1/groups/{self.group}/feed/take", "port"

    def has_ended(self):
        """Whether the group has completed; raises FeedError when nothing more will come of it."""
        if self.url is None:
            return False
        try:
            status = self.call(f"/v1/groups/{self.group}")
        except (OSError, http.client.HTTPException):
            return False
        # Right after the service has started it has not got to every group, and a restart takes its time.
        coming = status["desired"] == "running" and status["state"] != "failed"
        if status["state"] in ("stopped", "failed") and not coming:
            why = status["reason"] or "start it to take from its feed"
            raise FeedError(f"group {self.group} is {status['state']}: {why}")
        return status["state"] == "completed"

    def call(self, path):
        """GET of the service; raises FeedError with what it says."""
        connection = self.to_service(CONNECT_SECONDS)
        try:
            connection.request("GET", urllib.parse.urlsplit(self.url).path + path, headers=self.headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status in AWAY:
            raise ConnectionError(f"HTTP {response.status} {text(body)}")
        if response.status != 200:
            raise FeedError(f"GET {path}: HTTP {response.status} {text(body)}")
        try:
            return json.loads(body)
        except ValueError as error:
            raise FeedError(f"GET {path}: no JSON came: is {self.url} the address of the service?") from error

    def to_service(self, timeout):
        url = urllib.parse.urlsplit(self.url)
        https = url.scheme == "https"
        kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
        return kind(url.hostname, url.port, timeout=timeout)


def is_looked_at(memory):
    """Whether somebody has a view of it: an item, or an array that was made of one without a copy."""
    try:
        memory.append(0)  # the size of what is looked at cannot change
    except BufferError:
        return True
    memory.pop()
    return False


def text(body):
    """What an answer says: why, where it is a problem of the service or a feed, or as it is."""
    if isinstance(body, str):
        return body
    try:
        return json.loads(bytes(body))["detail"]
    except (ValueError, KeyError, TypeError):
        return bytes(body).decode(errors="replace")[:500]
