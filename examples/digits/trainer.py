#!/usr/bin/env python3
"""Trains a digit classifier on batches that a worker group of parallel-workers prepares.

Python's standard library only. Start the service (`npm start`), then run this file.
"""
import argparse
import array
import functools
import http.client
import json
import math
import os
import pathlib
import signal
import struct
import sys
import tempfile
import time
import urllib.error
import urllib.request
from operator import mul

READY_SECONDS = 30  # until the service answers
CALL_SECONDS = 60  # for one REST call: starting a group may take 30 s by default
DRY_SECONDS = 30  # without a new batch before we give up
POLL_SECONDS = 0.002
ASK_STATE_SECONDS = 0.1  # while there is no data, how often to ask whether the group still runs


say = functools.partial(print, flush=True)


class Failure(Exception):
    """Something the user has to know, as one line."""


class Service:
    """The REST API of parallel-workers."""

    def __init__(self, url):
        self.url = url.rstrip("/")
        # The service is next door: a proxy from the environment would not find it.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method, path, body=None, timeout=CALL_SECONDS):
        """Returns the answer's text; raises Failure with the detail that the service gave."""
        request = urllib.request.Request(self.url + path, method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with self.opener.open(request, timeout=timeout) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            raise Failure(f"{method} {path}: {problem_of(error)}") from error
        except (OSError, http.client.HTTPException) as error:
            raise Failure(f"{method} {self.url}{path}: {getattr(error, 'reason', error)}") from error

    def wait_until_ready(self):
        """Returns as soon as the service is ready; raises Failure after READY_SECONDS."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                return self.call("GET", "/readyz", timeout=5)
            except Failure as error:
                if time.monotonic() > deadline:
                    raise Failure(f"the service was not ready within {READY_SECONDS} s: {error}") from error
                time.sleep(0.2)


def problem_of(error):
    """The readable part of an application/problem+json answer."""
    text = error.read().decode(errors="replace")
    try:
        problem = json.loads(text)
        return f"{problem.get('detail') or problem.get('title')} ({problem.get('code', error.code)})"
    except (ValueError, AttributeError):
        return f"HTTP {error.code} {text[:200]}"


class Group:
    """A worker group that runs as long as the `with` block, and the batches that it makes."""

    def __init__(self, service, split, workers, spool, seed):
        self.service, self.name, self.spool = service, f"digits-{split}", spool
        self.path = f"/v1/groups/{self.name}"
        self.waited = 0.0  # seconds in which there was no batch to read
        params = {"split": split, "spool": str(spool), **({} if seed is None else {"seed": seed})}
        self.spec = {"module": "digits/worker.mjs", "workers": workers, "labels": {"role": split}, "params": params}

    def __enter__(self):
        self.service.call("PUT", self.path, self.spec)
        try:
            self.service.call("POST", f"{self.path}/start")
        except BaseException:
            self.stop()  # an interrupted call may have started it all the same
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Never raises: whatever made us stop matters more."""
        try:
            if not json.loads(self.service.call("POST", f"{self.path}/stop"))["success"]:
                say(f"{self.name}: a worker did not stop in time and was killed")
        except (Failure, ValueError, KeyError) as error:
            say(f"{self.name} was not stopped: {error}")

    def batches(self):
        """Yields (images, labels) and deletes each file it has read; ends when the group has completed."""
        while True:
            files = self.files() or self.wait_for_files()
            if not files:
                return
            for file in files:
                try:
                    tensors = read_safetensors(file)
                    file.unlink()
                except FileNotFoundError:
                    continue  # a restart of the group empties the spool
                yield tensors["images"], tensors["labels"]

    def files(self):
        """What waits in the spool, oldest first."""
        return sorted(self.spool.glob(f"{self.name}@*.safetensors"))

    def wait_for_files(self):
        """Files, or none if the group has completed; raises Failure if none can be expected."""
        start = asked = time.monotonic()
        try:
            while True:
                time.sleep(POLL_SECONDS)
                files, now = self.files(), time.monotonic()
                if files:
                    return files
                if now - start > DRY_SECONDS:
                    raise Failure(f"{self.name}: nothing came to {self.spool} for {DRY_SECONDS} s")
                if now - asked > ASK_STATE_SECONDS:
                    asked, status = now, json.loads(self.service.call("GET", self.path))
                    if status["state"] == "completed":
                        return self.files()  # what came between the look and the answer
                    if status["state"] in ("stopping", "stopped", "failed"):
                        reason = status.get("reason") or "no reason given"
                        raise Failure(f"{self.name} went to {status['state']}: {reason}")
        finally:
            self.waited += time.monotonic() - start


def read_safetensors(path):
    """Returns {name: flat list of numbers}."""
    data = path.read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    body, tensors = data[8 + size :], {}
    for name, info in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            values = array.array({"F32": "f", "U8": "B"}[info["dtype"]])
            values.frombytes(body[slice(*info["data_offsets"])])  # little-endian, as nearly all machines are
            tensors[name] = values.tolist()
    return tensors


class Softmax:
    """A linear softmax classifier; the last weight of a class is its bias."""

    def __init__(self, features=64, classes=10):
        self.features = features
        self.weights = [[0.0] * (features + 1) for _ in range(classes)]

    def rows(self, images):
        """Cuts the flat pixels into one list per image, with a constant 1 for the bias."""
        size = self.features
        return [images[at : at + size] + [1.0] for at in range(0, len(images), size)]

    def scores(self, row):
        return [sum(map(mul, weights, row)) for weights in self.weights]

    def predict(self, images):
        """Returns the most likely class of each image."""
        return [max(range(len(of)), key=of.__getitem__) for of in map(self.scores, self.rows(images))]

    def step(self, images, labels, rate):
        """One step of gradient descent; returns the mean cross-entropy before it."""
        rows, errors, loss = self.rows(images), [], 0.0
        for row, label in zip(rows, labels):
            scores = self.scores(row)
            top = max(scores)  # so that exp cannot overflow
            powers = [math.exp(score - top) for score in scores]
            total = sum(powers)
            error = [power / total for power in powers]
            loss += math.log(total) - scores[label] + top
            error[label] -= 1.0
            errors.append(error)
        columns, factor = list(zip(*rows)), rate / len(rows)
        for weights, error in zip(self.weights, zip(*errors)):
            weights[:] = [w - factor * sum(map(mul, error, column)) for w, column in zip(weights, columns)]
        return loss / len(rows)


def train(group, batches, rate=1.0):
    """Returns a model after that many batches; the learning rate falls in a line to 0."""
    model, losses, start = Softmax(), [], time.monotonic()
    for number, (images, labels) in enumerate(group.batches(), 1):
        losses.append(model.step(images, labels, rate * (1 - (number - 1) / batches)))
        if number % 250 == 0 or number == batches:
            seconds, loss = time.monotonic() - start, sum(losses) / len(losses)
            pace = f"{number / seconds:5.0f} batches/s  waiting for data {group.waited / seconds:4.0%}"
            say(f"batch {number:5d} of {batches}  loss {loss:.3f}  {pace}")
            losses.clear()
        if number == batches:
            return model
    raise Failure(f"{group.name} completed, but its batches should never end")


def test(group, model):
    """Returns the share of digits that the model gets right, and how many there were."""
    right = total = 0
    for images, labels in group.batches():
        right += sum(map(int.__eq__, model.predict(images), labels))
        total += len(labels)
    if total == 0:
        raise Failure(f"{group.name} completed without a digit")
    return right / total, total


def arguments():
    env = os.environ.get
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", default=env("PW_URL", "http://127.0.0.1:8080"), help="the service (PW_URL)")
    parser.add_argument("--spool", default=env("PW_SPOOL"), help="directory shared with the service (PW_SPOOL)")
    parser.add_argument("--batches", type=int, default=2000, help="to train on")
    parser.add_argument("--workers", type=int, default=2, help="of each group")
    parser.add_argument("--seed", type=int, help="of the order and the shifts; default: another each time")
    parser.add_argument("--min-accuracy", type=float, default=0.93, help="exit code 1 below this")
    return parser.parse_args()


def run(options, spool):
    spool.mkdir(parents=True, exist_ok=True)
    service = Service(options.url)
    service.wait_until_ready()
    with Group(service, "train", options.workers, spool, options.seed) as group:
        model = train(group, options.batches)
    with Group(service, "test", options.workers, spool, options.seed) as group:
        accuracy, total = test(group, model)
    say(f"test accuracy: {accuracy:.3f} ({total} digits)")
    return 0 if accuracy >= options.min_accuracy else 1


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that the groups are stopped
    try:
        with tempfile.TemporaryDirectory(prefix="digits-") as temporary:
            return run(options, pathlib.Path(options.spool or temporary).resolve())
    except Failure as failure:
        print(f"trainer: {failure}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
