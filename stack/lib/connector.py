#!/usr/bin/env python3
"""Registers connectors with Kafka Connect and waits until they really run.

    connector.py apply FILE [--connect URL] [--timeout SECONDS]    FILE holds {"name": ..., "config": {...}}
    connector.py delete NAME [--connect URL]
    connector.py status NAME [--connect URL]

Used by stack/stack and, in a container, by deploy/compose/compose.yaml. Needs nothing but Python's standard library.
Exit codes: 0 done, 1 it did not work (with the connector's trace on standard error), 2 wrong usage or file.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

# Connect's own answers while it cannot say yes or no: 409 during a rebalance, 500 and 503 while it starts or hands a request on.
TRY_AGAIN = {409, 500, 503}

# How long a failed task may take to be restarted.
RESTART_SECONDS = 8


class Refused(Exception):
    """Connect's answer to a request that will not succeed when it is repeated."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class TooLate(Exception):
    """The time for the whole command is over."""


class Connect:
    """The REST API of one worker."""

    def __init__(self, url, deadline):
        self.url = url.rstrip("/")
        self.deadline = deadline

    def call(self, method, path, body=None):
        """The decoded answer, or None for an empty one. Waits while the worker is starting or rebalancing."""
        why = "no answer"
        while True:
            try:
                request = urllib.request.Request(
                    self.url + path,
                    method=method,
                    data=None if body is None else json.dumps(body).encode(),
                    headers={"Content-Type": "application/json", "Accept": "application/json"},
                )
                with urllib.request.urlopen(request, timeout=30) as answer:
                    text = answer.read()
                    return json.loads(text) if text.strip() else None
            except urllib.error.HTTPError as error:
                why = message_of(error)
                if error.code not in TRY_AGAIN:
                    raise Refused(error.code, why) from None
            except OSError as error:
                why = f"{self.url}: {getattr(error, 'reason', error)}"
            self.pause(why)

    def pause(self, why):
        if time.monotonic() > self.deadline:
            raise TooLate(why)
        time.sleep(0.3)

    def config(self, name):
        """The connector's present settings, or None if there is no such connector."""
        try:
            return self.call("GET", f"/connectors/{quoted(name)}/config")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def status(self, name):
        """The connector's state and those of its tasks; None while Connect has none to tell yet."""
        try:
            return self.call("GET", f"/connectors/{quoted(name)}/status")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise


def quoted(name):
    return urllib.parse.quote(name, safe="")


def message_of(error):
    text = error.read().decode(errors="replace")
    try:
        return json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code}: {text.strip()[:500]}"


def parts_of(status):
    """The connector and its tasks as (label, state, trace)."""
    yield "connector", status["connector"]["state"], status["connector"].get("trace")
    for task in status.get("tasks", []):
        yield f"task {task['id']}", task["state"], task.get("trace")


def failures_of(status):
    return [(label, trace) for label, state, trace in parts_of(status) if state == "FAILED"] if status else []


def root_cause(trace):
    """The last "Caused by" of a Java stack trace, which is what went wrong first."""
    lines = (trace or "no trace").splitlines()
    causes = [line for line in lines if line.startswith("Caused by: ")]
    return causes[-1].removeprefix("Caused by: ") if causes else lines[0]


def apply(connect, path):
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        name, config = document["name"], document["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"error: {path}: not a connector file ({error!r}); it holds {{\"name\": ..., \"config\": {{...}}}}", file=sys.stderr)
        return 2

    before = connect.config(name)
    # A restart is asked for, not done, when Connect answers: for a while, a failure from before is still there to see.
    old_failures = failures_of(connect.status(name)) if before is not None else []
    old_failures_count_after = time.monotonic() + RESTART_SECONDS
    # Connect adds the name to what it stores.
    unchanged = before is not None and {**config, "name": name} == {**before, "name": name}
    if unchanged:
        # The same settings once more are no news to Connect; a failed connector would stay failed.
        connect.call("POST", f"/connectors/{quoted(name)}/restart?includeTasks=true&onlyFailed=true")
    else:
        connect.call("PUT", f"/connectors/{quoted(name)}/config", config)

    seen_running = 0
    while True:
        status = connect.status(name)
        parts = list(parts_of(status)) if status else []
        failures = failures_of(status)
        if time.monotonic() < old_failures_count_after:
            failures = [failure for failure in failures if failure not in old_failures]
        if failures:
            for label, trace in failures:
                print(f"error: {name}: {label} failed:\n{trace}\nroot cause: {root_cause(trace)}", file=sys.stderr)
            return 1
        if len(parts) > 1 and all(state == "RUNNING" for _, state, _ in parts):
            seen_running += 1
            # Right after new settings the states can still be those of the old ones; they last for one look.
            if before is None or unchanged or seen_running > 2:
                print(f"{name}: {'unchanged, ' if unchanged else ''}running, {len(parts) - 1} task(s)")
                return 0
        connect.pause(f"{name}: " + (", ".join(f"{label} {state}" for label, state, _ in parts) or "no status yet"))


def delete(connect, name):
    try:
        connect.call("DELETE", f"/connectors/{quoted(name)}")
    except Refused as refused:
        if refused.status != 404:
            raise
        print(f"{name}: there is no such connector")
        return 0
    while connect.status(name) is not None:
        connect.pause(f"{name}: still there")
    print(f"{name}: deleted")
    return 0


def status(connect, name):
    answer = connect.status(name)
    if answer is None:
        print(f"error: {name}: there is no such connector", file=sys.stderr)
        return 1
    for label, state, trace in parts_of(answer):
        print(f"{name}: {label} {state}" + (f"\n{trace}" if trace else ""))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["apply", "delete", "status"])
    parser.add_argument("subject", metavar="FILE|NAME")
    parser.add_argument("--connect", default="http://localhost:8083", help="address of Kafka Connect (%(default)s)")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for the whole command (%(default)s)")
    arguments = parser.parse_args()
    connect = Connect(arguments.connect, time.monotonic() + arguments.timeout)
    command = {"apply": apply, "delete": delete, "status": status}[arguments.command]
    try:
        return command(connect, arguments.subject)
    except Refused as refused:
        print(f"error: Kafka Connect refused: {refused}", file=sys.stderr)
    except TooLate as late:
        print(f"error: gave up after {arguments.timeout:g} s; last seen: {late}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
