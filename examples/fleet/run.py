#!/usr/bin/env python3
"""Runs 40 exports of two accounts on an engine or a queue, and kills parts of it.

    run.py restate|queue [EXPORTS]

It starts the test service, two workers and the engine or the database, all on loopback ports.
After some creates it kills each worker with SIGKILL, and after some files the engine or the
database. At the end it checks the files, the jobs, the pace of the requests and the stored data.
It needs haproxy and npm for `restate`, and the packages of PostgreSQL for `queue`. It ends within
five minutes.
"""
import bisect
import glob
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent.resolve()
BIN = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", HERE / "target"), "debug").resolve()
SERVER = "@restatedev/restate-server@1.7.12"
ACCOUNTS = ["north", "south"]
ASSETS = ["ASSET_HOST", "ASSET_CONTAINER", "ASSET_IMAGE", "ASSET_K8S"]
FAULTS = ["OK", "SLOW:20000", "OK", "CUT:100000", "OK", "SLOW:10000"]
LIMIT = 20
TIME_LIMIT = 240


class Processes:
    """The processes that this script started, each with a log."""

    def __init__(self, work):
        self.work, self.running, self.commands = work, {}, {}

    def start(self, name, command, env):
        self.commands[name] = (command, env)
        with open(self.work / f"{name}.log", "ab") as log:
            command = [str(word) for word in command]
            self.running[name] = subprocess.Popen(
                command, env=env, stdout=log, stderr=log, cwd=self.work
            )

    def kill(self, name):
        self.running[name].kill()
        self.running[name].wait()
        say(f"killed {name}")

    def restart_ended(self):
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.start(name, *self.commands[name])
                say(f"started {name} again")

    def stop(self):
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


BEGAN = time.monotonic()


def say(text):
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def until(what, is_true, seconds=60, pause=0.1):
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            sys.exit(f"not in time: {what}")
        time.sleep(pause)


def order(number):
    export = {"AssetType": ASSETS[number // 2 % 4], "ExportByAsset": number % 3 == 0}
    return {"account": ACCOUNTS[number % 2], "export": {**export, "ExportAll": True}}


class Restate:
    """The engine, and haproxy in front of the workers: two registered addresses share no work."""

    def __init__(self, work, processes, env):
        self.work, self.processes, self.env = work, processes, env
        self.engine = "restate-server"

    def start(self):
        npm = ["npm", "install", "--silent", "--prefix", self.work / "npm", SERVER]
        subprocess.run(npm, check=True, stdout=subprocess.DEVNULL, timeout=120)
        [server] = glob.glob(f"{self.work}/npm/node_modules/@restatedev/*/bin/restate-server")
        self.ingress, self.admin, node, balancer, *workers = free_ports(6)
        settings = {
            "BASE_DIR": self.work / "data",
            "BIND_IP": "127.0.0.1",
            "BIND_PORT": node,
            "LISTEN_MODE": "tcp",
            "DISABLE_TELEMETRY": "true",
            "INGRESS__BIND_PORT": self.ingress,
            "ADMIN__BIND_PORT": self.admin,
            "DEFAULT_NUM_PARTITIONS": "4",
        }
        env = {name: text for name, text in os.environ.items() if "TENCENT" not in name}
        env |= {f"RESTATE_{name}": str(value) for name, value in settings.items()}
        self.processes.start(self.engine, [server, "--no-logo", "--node-name", "one"], env)
        (self.work / "haproxy.cfg").write_text(HAPROXY.format(balancer, *workers))
        self.processes.start("haproxy", ["haproxy", "-f", "haproxy.cfg", "-db"], dict(os.environ))
        for number, port in enumerate(workers):
            command = [BIN / "restate", port]
            self.processes.start(f"worker{number}", command, self.env)
        until("the engine is up", lambda: self.call(self.admin, "GET", "/health")[0] == 200)
        body = {"uri": f"http://127.0.0.1:{balancer}"}
        register = lambda: (self.call(self.admin, "POST", "/deployments", body)[0] or 999) < 300
        until("the workers are registered", register)

    def call(self, port, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "accept": "application/json"}
        url = f"http://127.0.0.1:{port}{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None, None

    def add(self, name, order):
        path = f"/Export/{name}/run/send"
        send = lambda: (self.call(self.ingress, "POST", path, order)[0] or 999) < 300
        until(f"{name} is accepted", send)

    def results(self, names):
        """Returns the jobs or the errors of the exports that have ended."""
        found = {}
        for name in names:
            status, body = self.call(self.ingress, "GET", f"/restate/workflow/Export/{name}/output")
            if status == 200:
                found[name] = body["job"]
            # 404 and 470: not known yet, and not ended. 5xx: the engine is starting.
            elif status not in (None, 404, 470) and "message" in str(body):
                found[name] = f"error {status}: {body}"
            if status is None:
                break
        return found

    def stored(self):
        """Returns all journal entries and all state."""
        texts = []
        for query in ("SELECT raw FROM sys_journal", "SELECT value FROM state"):
            status, body = self.call(self.admin, "POST", "/query", {"query": query})
            if status != 200:
                sys.exit(f"{query}: {body}")
            texts += [bytes.fromhex(text) for row in body["rows"] for text in row.values() if text]
        return b"\n".join(texts)

    def kill(self):
        self.processes.kill(self.engine)

    def stop(self):
        pass


HAPROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 10m
  timeout server 10m
  retries 0
frontend engine
  bind 127.0.0.1:{} proto h2
  default_backend workers
backend workers
  balance roundrobin
  default-server proto h2 check inter 500 fall 1 rise 1 on-marked-down shutdown-sessions
  option httpchk
  http-check connect proto h2
  http-check send meth GET uri /health
  http-check expect rstatus ^[2-4]
  server worker0 127.0.0.1:{}
  server worker1 127.0.0.1:{}
"""


class Queue:
    """PostgreSQL, run as its own user if this script runs as root."""

    def __init__(self, work, processes, env):
        self.work, self.processes = work, processes
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        [self.port] = free_ports(1)
        self.data = work / "data"
        url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.env = {**env, "DATABASE_URL": url}

    def as_owner(self, *command):
        prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        return prefix + [str(word) for word in command]

    def start(self):
        self.data.mkdir(mode=0o700)
        if os.getuid() == 0:
            shutil.chown(self.data, "postgres", "postgres")
        init = self.as_owner(f"{self.bin}/initdb", "-D", self.data, "-U", "postgres", "-A", "trust")
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd="/")
        options = ["-p", self.port, "-c", "listen_addresses=127.0.0.1"]
        command = [f"{self.bin}/postgres", "-D", self.data, *options, "-k", ""]
        self.processes.start("postgres", self.as_owner(*command), dict(os.environ))
        until("the database is up", lambda: self.sql("SELECT 1") == "1")
        subprocess.run([BIN / "queue", "migrate"], env=self.env, check=True)
        for number in range(2):
            command = [BIN / "queue", "work"]
            self.processes.start(f"worker{number}", command, self.env)

    def sql(self, text):
        psql = [f"{self.bin}/psql", self.env["DATABASE_URL"], "-Atc", text]
        done = subprocess.run(psql, capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else None

    def add(self, name, order):
        account = order["account"]
        step = {"name": name, "account": account, "stage": {"Create": order["export"]}}
        self.sql(
            f"SELECT graphile_worker.add_job('export', '{json.dumps(step)}',"
            f" queue_name => 'create {account}', job_key => '{name} 0')"
        )

    def results(self, names):
        """Returns the jobs or the errors of the exports that have ended."""
        ended = "bytes IS NOT NULL OR error IS NOT NULL"
        found = self.sql(f"SELECT name, coalesce(error, job) FROM exports WHERE {ended}")
        return dict(line.split("|", 1) for line in (found or "").splitlines())

    def stored(self):
        """Returns all files of the database: rows that were deleted, and its log, too."""
        self.sql("CHECKPOINT")
        files = (path for path in self.data.rglob("*") if path.is_file())
        return b"\n".join(path.read_bytes() for path in files)

    def kill(self):
        """Kills the postmaster; its children notice and exit."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        self.processes.running["postgres"].wait()
        say("killed postgres")
        time.sleep(1)

    def stop(self):
        pid = self.data / "postmaster.pid"
        if pid.exists():
            os.kill(int(pid.read_text().split()[0]), signal.SIGINT)


def main():
    if sys.argv[1:2] not in (["restate"], ["queue"]):
        sys.exit(__doc__)
    kind, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 40
    subprocess.run(["cargo", "build", "--quiet", "--locked"], cwd=HERE, check=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix="tcss-export-fleet-"))
    # The database runs as another user.
    work.chmod(0o755)
    processes = Processes(work)
    env = prepare(work)
    engine = {"restate": Restate, "queue": Queue}[kind](work, processes, env)
    try:
        ports = env["FLEET_ACCOUNTS"].replace("http://127.0.0.1:", "").split(",")
        files = [work / "requests", work / "report.csv"]
        service = [BIN / "service", *files, ",".join(FAULTS * count), *ports]
        processes.start("service", service, env)
        engine.start()
        say("started")
        jobs = run(engine, processes, work, count)
        wrong = check_files(work, jobs) + check_requests(work, jobs) + check_stored(engine)
    finally:
        processes.stop()
        engine.stop()
        say("stopped")
    if wrong:
        sys.exit(f"wrong: {'; '.join(wrong)} (logs in {work})")
    shutil.rmtree(work)
    print(f"{count} exports of {len(ACCOUNTS)} accounts, {time.monotonic() - BEGAN:.0f} s")


def secret_of(account):
    return f"EXAMPLEKEY{account}0123456789"


def prepare(work):
    """Writes the keys and the report, and returns the environment of a worker."""
    (work / "files").mkdir()
    (work / "keys").mkdir(mode=0o700)
    for account in ACCOUNTS:
        keys = f"secret_id = AKIDEXAMPLE{account}\nsecret_key = {secret_of(account)}\n"
        keys = "[default]\n" + keys
        (work / "keys" / account).touch(mode=0o600)
        (work / "keys" / account).write_text(keys)
    rows = (b"%08d,some,row,of,a,report\n" % row for row in range(20_000))
    (work / "report.csv").write_bytes(b"".join(rows))
    ports = zip(ACCOUNTS, free_ports(len(ACCOUNTS)))
    return os.environ | {
        "FLEET_KEYS": str(work / "keys"),
        "FLEET_ACCOUNTS": ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in ports),
        "FLEET_FOLDER": str(work / "files"),
        "FLEET_ADOPT_SINGLE": "1",
        "NO_PROXY": "127.0.0.1",
    }


def run(engine, processes, work, count):
    """Adds the exports, kills a worker and the engine, and returns the job of each export."""
    names = [f"night-{number:03}" for number in range(count)]
    for number, name in enumerate(names):
        engine.add(name, order(number))
    say(f"added {count} exports")
    created = lambda: (work / "requests").read_text().count("Created")
    files = lambda: len(list((work / "files").glob("*.csv")))
    end = time.monotonic() + TIME_LIMIT
    wait = lambda what, is_true: until(what, is_true, end - time.monotonic(), 0.005)
    for worker, part in ("worker0", count // 4), ("worker1", count // 2):
        wait("some jobs are created", lambda: created() >= part)
        processes.kill(worker)
        time.sleep(1)
        processes.restart_ended()
    wait("some files are there", lambda: files() >= count // 4)
    if files() == count:
        sys.exit("all files are there: nothing is left to kill")
    engine.kill()
    time.sleep(2)
    jobs = {}

    def have_all_ended():
        processes.restart_ended()
        jobs.update(engine.results(set(names) - set(jobs)))
        return len(jobs) == count

    until(f"{count} exports have ended", have_all_ended, end - time.monotonic(), 0.5)
    say("all exports have ended")
    return jobs


def check_files(work, jobs):
    """Every export has its file, whole and under no other name."""
    report = hashlib.sha256((work / "report.csv").read_bytes()).digest()
    files = {path.name: path for path in (work / "files").iterdir()}
    hashes = {name: hashlib.sha256(path.read_bytes()).digest() for name, path in files.items()}
    right = [name for name, digest in hashes.items() if digest == report]
    say(f"{len(files)} files, {len(right)} with the right hash")
    expected = sorted(f"{name}.csv" for name in jobs)
    return [] if sorted(right) == sorted(files) == expected else ["files"]


def check_requests(work, jobs):
    """Each job belongs to one export, and no account has more than 20 starts in any second."""
    lines = [line.split("\t") for line in (work / "requests").read_text().splitlines()]
    wrong = []
    for index, account in enumerate(ACCOUNTS):
        mine = [line for line in lines if line[1] == account and line[2] != "-"]
        starts = sorted(int(line[0]) for line in mine)
        in_a_second = lambda nth: bisect.bisect_left(starts, starts[nth] + 1_000_000) - nth
        most = max(map(in_a_second, range(len(starts))))
        made = re.findall(r'Created { job_id: "([^"]+)"', "\n".join(line[4] for line in mine))
        used = [jobs[name] for name in sorted(jobs)][index::2]
        lists = sum(line[2] == "DescribeExportJobManageList" for line in mine)
        say(f"{account}: {len(mine)} requests, at most {most} in a second; {lists} lists")
        say(f"{account}: {len(made)} jobs created, {len(set(used))} in use")
        wrong += [f"{account}: {most} starts in a second"] if most > LIMIT else []
        wrong += [f"{account}: jobs"] if sorted(made) != sorted(used) else []
    return wrong


def check_stored(engine):
    """No secret is in the stored data. The saved waits are, so the search finds what is there."""
    stored = engine.stored()
    secrets = [secret_of(account) for account in ACCOUNTS]
    secrets += ["q-signature", "TC3-HMAC", "AKIDEXAMPLE"]
    found = [secret for secret in secrets if secret.encode() in stored]
    waits = stored.count(b'"saved_at"')
    say(f"{len(stored)} bytes stored with {waits} saved waits; secrets found: {found}")
    return (["a secret is stored"] if found else []) + ([] if waits else ["no saved wait found"])


if __name__ == "__main__":
    main()
