"""Owns the measurement for docs/decisions/0004-one-port.md: the cost of the proxy in front of gRPC.

Run with `python -m tests.bench.one_port` in this distribution. Both ways lead to one server and
take turns; processor time tells the cost also on a machine that is busy with other things.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from google.cloud import firestore

CALLS_PER_ROUND = 1_000
ROUNDS = 16
_SERVE = """
import socket, sys
from embedded_firebase.firestore.server import FirestoreServer
with socket.create_server(("127.0.0.1", 0)) as free:
    grpc_port = free.getsockname()[1]
server = FirestoreServer()
print(server.start_with_http(grpc_port=grpc_port), grpc_port, flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass(frozen=True)
class Round:
    """The cost of one round: calls per second, milliseconds per call, microseconds of processor time per call."""

    calls_per_second: float
    median_milliseconds: float
    server_micros: float
    client_micros: float


def main() -> None:
    """Print both ways side by side, with 1 and with 8 threads."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        one_port, grpc_port = map(int, server.stdout.readline().split())
        clients = {"gRPC alone": _client(grpc_port), "one port": _client(one_port)}
        for threads in (1, 8):
            rounds: dict[str, list[Round]] = {name: [] for name in clients}
            for number in range(ROUNDS):
                for name in list(clients)[:: 1 if number % 2 else -1]:
                    rounds[name].append(_round(clients[name], threads, server.pid))
            for name, of_name in rounds.items():
                figures = [statistics.median(column) for column in zip(*map(_row, of_name), strict=True)]
                best = max(map(_row, of_name))[0]
                print(
                    f"{threads} threads, {name:<11}{figures[0]:6,.0f} calls/s (best {best:,.0f}), "
                    f"p50 {figures[1]:.2f} ms, processor us/call: server {figures[2]:.0f}, client {figures[3]:.0f}",
                    flush=True,
                )
        for client in clients.values():
            client.close()
        server.communicate()


def _client(port: int) -> firestore.Client:
    os.environ["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{port}"
    client = firestore.Client(project=f"bench-{port}")
    client.document("c/warm").set({})
    return client


def _round(client: firestore.Client, threads: int, server_pid: int) -> Round:
    seconds_by_pair: list[float] = []

    def work(number: int) -> None:
        document = client.document(f"c/{number}")
        for value in range(CALLS_PER_ROUND // 2 // threads):
            started = time.perf_counter()
            document.set({"v": value})
            document.get()
            seconds_by_pair.append(time.perf_counter() - started)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    server_before, client_before, started = _process_seconds(server_pid), _own_seconds(), time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    elapsed = time.perf_counter() - started
    calls = 2 * len(seconds_by_pair)
    return Round(
        calls / elapsed,
        statistics.median(seconds_by_pair) / 2 * 1e3,
        (_process_seconds(server_pid) - server_before) / calls * 1e6,
        (_own_seconds() - client_before) / calls * 1e6,
    )


def _row(of: Round) -> tuple[float, float, float, float]:
    return (of.calls_per_second, of.median_milliseconds, of.server_micros, of.client_micros)


def _own_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _process_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - not a file of the project.
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
