"""Compares this client with other clients at the same work: `python3 benches/peers/compare.py`.

The work is repeated in short rounds in which all candidates take part one after the other, so that
the load of the machine falls on each of them. The minimum over the rounds counts, and only ratios
of minima are judged. The crates and the plain program share one process; the Python and the Node.js
SDK have their own, which wait while others work. First all of them sign the same request at the
same time, and must agree.

The last rounds compare processes: one `result` of the command line, the same of tccli, and curl
with a request that is not signed. All ask the test service over TLS, with the same roots.

Prints `ok` or `over` and a figure with its bound, `ratio` and the work of a peer relative to ours,
and `not run` and a peer that could not. Exits with 1 if a bound is exceeded or a peer is missing.
The packages of the peers are installed where the gate has its tools (`TCSS_EXPORT_TOOLS`), not in
the repository.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CARGO_HOME = os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo")
TOOLS = os.environ.get("TCSS_EXPORT_TOOLS", pathlib.Path(CARGO_HOME, "tcss-export-tools"))
TOOLS = pathlib.Path(TOOLS)
PYTHON_SDK = ["tencentcloud-sdk-python-common==3.1.162", "tencentcloud-sdk-python-tcss==3.1.161"]
NODE_SDK = "tencentcloud-sdk-nodejs-common@4.1.220"
TCCLI = "tccli==3.1.189.1"

ROUNDS = 150
PROCESS_ROUNDS = 8
# Name of the work in a round, and how often it is repeated there: for about half a millisecond.
WORKS = {
    "ours/signature": 500,
    "ours/request": 500,
    "ours/request and answer": 300,
    "plain/signature": 200,
    "plain/request": 150,
    "plain/request and answer": 100,
    "tencentcloud-sign-sdk/signature": 200,
    "tencentcloud/signature": 200,
    "tencentcloud/request, with its client": 100,
    "tencentcloud/its client": 200,
    "tencentcloud-sdk/request": 150,
    "tencentcloud-sdk/request and answer": 100,
    "python/signature": 30,
    "python/request": 30,
    "python/request and answer": 15,
    "node/signature": 30,
}
VERSIONS = {
    "plain": "plain program",
    "tencentcloud-sign-sdk": "tencentcloud-sign-sdk 0.1.0",
    "tencentcloud": "tencentcloud 0.3.0",
    "tencentcloud-sdk": "tencentcloud-sdk 0.2.1",
    "python": "Python SDK " + PYTHON_SDK[1].partition("==")[2],
    "node": "Node.js SDK " + NODE_SDK.rpartition("@")[2],
    "tccli": "tccli " + TCCLI.partition("==")[2],
    "curl": "curl, without a signature",
}


class NotRun(Exception):
    """A peer that cannot be had here."""


def run(*command, **options):
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise NotRun(f"{command[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def python_with(name, packages):
    """Returns the `bin` folder of an environment with these packages."""
    # The versions are part of the name, so that other ones are installed anew.
    folder = TOOLS / "-".join([name, *(package.partition("==")[2] for package in packages)])
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        run(sys.executable, "-m", "venv", folder)
        run(folder / "bin" / "pip", "install", "--quiet", "--no-compile", *packages)
        (folder / "complete").touch()
    return folder / "bin"


def node_with(package):
    """Returns a folder with this package."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise NotRun("node and npm are missing (Debian: apt-get install nodejs npm)")
    folder = TOOLS / ("node-" + package.rpartition("@")[2])
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        run("npm", "install", "--silent", "--no-fund", "--prefix", folder, package)
        (folder / "complete").touch()
    return folder


def cargo_build(*arguments, profile="release"):
    run("cargo", "build", "--quiet", "--locked", "--profile", profile, *arguments, cwd=ROOT)


def target(workspace):
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", workspace / "target"), "release")


class Worker:
    """A process that repeats work on demand."""

    def __init__(self, *command, **options):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([str(word) for word in command], **pipes, **options)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise RuntimeError(f"no answer to {line!r}")
        return answer

    def nanoseconds(self, work):
        return float(self.ask(f"{work} {WORKS[work]}"))

    def signatures(self):
        line = self.ask("check")
        while line != "end":
            yield line.split(": ")
            line = self.process.stdout.readline().strip()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def start_workers():
    """Starts the peers, by the beginnings of the names of their work."""
    cargo_build("--manifest-path", HERE / "Cargo.toml")
    crates = Worker(target(HERE) / "tcss-export-peers")
    workers = {work.partition("/")[0]: crates for work in WORKS}
    del workers["python"], workers["node"]
    starts = {
        "python": lambda: Worker(python_with("sdk", PYTHON_SDK) / "python", HERE / "python_sdk.py"),
        "node": lambda: Worker("node", HERE / "node_sdk.mjs", cwd=node_with(NODE_SDK)),
    }
    for name, start in starts.items():
        try:
            workers[name] = start()
        except NotRun as error:
            print(f"not run {VERSIONS[name]}: {error}")
    return workers


def check_signatures(workers):
    """Demands that all sign alike, with the name of the action and without."""
    signatures = [pair for worker in set(workers.values()) for pair in worker.signatures()]
    for kind in (True, False):
        kinds = {value for name, value in signatures if name.endswith("with the action") == kind}
        if len(kinds) != 1:
            raise RuntimeError(f"the signatures differ: {signatures}")


def fastest(workers):
    """Returns the least time of each work in nanoseconds."""
    best = {}
    for _ in range(ROUNDS):
        for work in WORKS:
            if worker := workers.get(work.partition("/")[0]):
                best[work] = min(best.get(work, float("inf")), worker.nanoseconds(work))
    # Its users have no other way to build a request than to send it.
    with_client = best["tencentcloud/request, with its client"]
    best["tencentcloud/request"] = with_client - best["tencentcloud/its client"]
    return best


def compare_work():
    workers = start_workers()
    try:
        check_signatures(workers)
        best = fastest(workers)
    finally:
        for worker in set(workers.values()):
            worker.stop()
    for work in ["signature", "request", "request and answer"]:
        ratio_lines(work, {peer: best.get(f"{peer}/{work}") for peer in ["ours", *VERSIONS]})
    ours = best["ours/request"]
    return all([
        set(workers) == {work.partition("/")[0] for work in WORKS},
        figure("request / plain program", ours / best["plain/request"], 0.27),
        figure("request / tencentcloud 0.3.0", ours / best["tencentcloud/request"], 0.25),
        figure("request / whole call of tencentcloud-sdk 0.2.1",
               ours / best["tencentcloud-sdk/request and answer"], 0.21),
    ])


def ratio_lines(work, times):
    for peer, time in times.items():
        if time and peer != "ours":
            print(f"ratio {work}, {VERSIONS[peer]}: {time / times['ours']:.3g}")


def figure(name, value, bound, digits=3):
    verdict = "ok  " if value <= bound else "over"
    print(f"{verdict} {name}: {value:.{digits}f} (at most {bound:.{digits}f})")
    return value <= bound


class Service:
    """The test service, with TLS before it."""

    def __init__(self, folder):
        cargo_build("-p", "tcss-export-cli")
        tls = ["-p", "tcss-export-testkit", "--features", "wire", "--example", "tls"]
        # In the same folder as `release`, and linked sooner.
        cargo_build(*tls, profile="bench")
        self.cli = target(ROOT) / "tcss-export"
        self.processes = []
        url = self.start(self.cli, "--quiet", "serve", "--script", "SUCCESS")
        ca = folder / "ca.pem"
        self.url = self.start(target(ROOT) / "examples" / "tls", url.removeprefix("http://"), ca)
        self.ca = ca.read_text()

    def start(self, *command):
        environment = {**os.environ, **KEY}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.processes.append(process)
        return process.stdout.readline().split()[-1]

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


KEY = {"TENCENTCLOUD_SECRET_ID": "AKIDEXAMPLE", "TENCENTCLOUD_SECRET_KEY": "EXAMPLEKEY"}


def processes(service, folder):
    """Returns the commands by their names."""
    tccli = python_with("tccli", [TCCLI])
    roots = pathlib.Path(run(tccli / "python", "-m", "certifi").strip())
    # tccli trusts only this file. The roots of before remain below, however often this runs.
    kept = roots.with_suffix(".kept")
    if not kept.exists():
        shutil.copy(roots, kept)
    roots.write_text(kept.read_text() + service.ca)
    host = service.url.removeprefix("https://")
    body = folder / "body"
    body.write_text('{"JobId":"J"}')
    headers = ["Content-Type: application/json", "X-TC-Action: DescribeExportJobResult"]
    curl = ["curl", "--silent", "--cacert", roots, "--data", f"@{body}", service.url]
    commands = {
        "ours": [service.cli, "--json", "result", "J", "--endpoint", service.url],
        "tccli": [tccli / "tccli", "tcss", "DescribeExportJobResult", "--JobId", "J"]
        + ["--endpoint", host],
        "curl": curl + [word for header in headers for word in ("--header", header)],
    }
    environment = {**os.environ, **KEY, "SSL_CERT_FILE": str(roots), "HOME": str(folder)}
    return commands, environment


def cpu_seconds(command, environment):
    """Runs a command; returns the time of the processor that it and the system spent for it."""
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen([str(word) for word in command], env=environment, **output)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if status != 0:
        raise RuntimeError(f"{command[0]} failed: {printed.decode()[-300:]}")
    return usage.ru_utime + usage.ru_stime


def compare_processes():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        service = Service(folder)
        try:
            commands, environment = processes(service, folder)
            best = {}
            for _ in range(PROCESS_ROUNDS):
                for name, command in commands.items():
                    spent = cpu_seconds(command, environment)
                    best[name] = min(best.get(name, spent), spent)
        finally:
            service.stop()
    ratio_lines("CPU of one result as a process", best)
    return figure("CPU of one result / tccli's", best["ours"] / best["tccli"], 1 / 90, digits=4)


def main():
    complete = True
    for part in (compare_work, compare_processes):
        try:
            complete &= part()
        except NotRun as error:
            print(f"not run {part.__name__}: {error}")
            complete = False
    sys.exit(0 if complete else 1)


if __name__ == "__main__":
    main()
