#!/usr/bin/env python3
"""Trains a digit classifier on batches that a worker group of parallel-workers prepares.

Python's standard library only. Start the service (`npm start`), then run this file.
"""
import argparse
import functools
import http.client
import json
import math
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from operator import mul

from feed import Feed, FeedError

READY_SECONDS = 30  # until the service answers
CALL_SECONDS = 60  # for one REST call: starting a group may take 30 s by default
DRY_SECONDS = 30  # without a new batch before we give up
BATCHES_AT_A_TIME = 8


say = functools.partial(print, flush=True)


class Failure(Exception):
    """Something the user has to know, as one line."""


class Service:
    """The REST API of parallel-workers."""

    def __init__(self, url, token=None):
        self.url, self.token = (url if "://" in url else f"http://{url}").rstrip("/"), token
        # The service is next door: a proxy from the environment would not find it.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method, path, body=None, timeout=CALL_SECONDS):
        """Returns the answer's text; raises Failure with the detail that the service gave."""
        request = urllib.request.Request(self.url + path, method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
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

    def __init__(self, service, split, options):
        self.service, self.name = service, f"digits-{split}"
        self.path = f"/v1/groups/{self.name}"
        params = {"split": split, **({} if options.seed is None else {"seed": options.seed})}
        self.spec = {
            "module": "digits/worker.mjs",
            "workers": options.workers,
            "labels": {"role": split},
            "params": params,
            # With a seed, batches come in the same order in every run, too.
            "feed": {"capacity": 64, "ordered": options.seed is not None},
        }
        self.feed = Feed(
            self.name, service.url, path=options.socket, most=BATCHES_AT_A_TIME, dry=DRY_SECONDS, token=service.token
        )

    def __enter__(self):
        self.service.call("PUT", self.path, self.spec)
        try:
            self.service.call("POST", f"{self.path}/start")
        except BaseException:
            self.stop()  # an interrupted call may have started it all the same
            raise
        return self

    def __exit__(self, *_):
        self.feed.close()
        self.stop()

    def stop(self):
        """Never raises: whatever made us stop matters more."""
        try:
            if not json.loads(self.service.call("POST", f"{self.path}/stop"))["success"]:
                say(f"{self.name}: a worker did not stop in time and was killed")
        except (Failure, ValueError, KeyError) as error:
            say(f"{self.name} was not stopped: {error}")

    def batches(self):
        """Yields (images, labels) as flat lists; ends when the group has completed."""
        for item in self.feed:
            tensors = item.tensors()
            yield tensors["images"].tolist(), tensors["labels"].tolist()


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


def learn(service, options):
    """Trains a model epoch by epoch, the learning rate falling in a line to 0; returns its accuracy after the last."""
    model, rate, total = Softmax(), 1.0, options.epochs * options.batches
    number = accuracy = 0
    with Group(service, "train", options) as group:
        batches = group.batches()
        for epoch in range(1, options.epochs + 1):
            losses, start, waited, read = [], time.monotonic(), group.feed.waited, group.feed.bytes
            for images, labels in batches:
                losses.append(model.step(images, labels, rate * (1 - number / total)))
                number += 1
                if len(losses) == options.batches:
                    break
            else:
                raise Failure(f"{group.name} completed, but its batches should never end")
            seconds = time.monotonic() - start
            pace = f"{len(losses) / seconds:5.0f} batches/s {(group.feed.bytes - read) / seconds / 1e6:5.1f} MB/s"
            fetching = f"fetching {(group.feed.waited - waited) / seconds:4.0%} of the time"
            accuracy, digits = test(service, options, model)
            loss = sum(losses) / len(losses)
            say(f"epoch {epoch} of {options.epochs}  loss {loss:.3f}  {pace}  {fetching}  accuracy {accuracy:.3f}")
    return accuracy, digits


def test(service, options, model):
    """Returns the share of digits that the model gets right, and how many there were: one run of the test group."""
    right = total = 0
    with Group(service, "test", options) as group:
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
    parser.add_argument("--token", default=env("PW_TOKEN"), help="for a service that asks for one (PW_TOKEN)")
    parser.add_argument("--port-only", dest="socket", action="store_const", const="", help="never use a socket of a feed")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batches", type=int, default=250, help="to train on in an epoch")
    parser.add_argument("--workers", type=int, default=2, help="of each group")
    parser.add_argument("--seed", type=int, help="of the order and the shifts; default: another each time")
    parser.add_argument("--min-accuracy", type=float, default=0.94, help="exit code 1 below this")
    return parser.parse_args()


def run(options):
    service = Service(options.url, options.token)
    service.wait_until_ready()
    accuracy, total = learn(service, options)
    say(f"test accuracy: {accuracy:.3f} ({total} digits)")
    return 0 if accuracy >= options.min_accuracy else 1


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that the groups are stopped
    try:
        return run(options)
    except (Failure, FeedError) as failure:
        print(f"trainer: {failure}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
