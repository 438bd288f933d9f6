"""Makes each file call of a download fail in turn, and looks at the files afterwards.

    python3 syscall_faults.py TCSS_EXPORT URL FILE FOLDER

URL serves the bytes of FILE; FOLDER is empty. Needs strace. The calls are those that a download makes
on its files: with no file there, with an old file, and with the part of an earlier download. After each
fault, the target must be absent, the old file or the whole new one, exit code 0 must mean the new one,
and a later download without faults must complete. Prints the number of faults; exits with 1 if a rule
was broken.
"""

import os
import re
import subprocess
import sys

FAULTS = [f"error={name}" for name in "EIO ENOSPC EXDEV EINTR ENOLCK".split()] + ["signal=KILL"]
# A download cannot do without these; if they are missing, strace was read wrongly.
CERTAIN_CALLS = {"openat", "write", "fsync"}
# More calls of one kind than a download makes.
MOST_CALLS = 60
OLD = b"old"


def paths(folder):
    names = ["", "f", ".f.part", ".f.part.json"]
    return [os.path.join(folder, name).rstrip("/") for name in names]


def download(cli, url, folder, force):
    target = os.path.join(folder, "f")
    return [cli, "--quiet", "download", "--url", url, "-o", target] + ["--force"] * force


def traced(command, folder, *options):
    """Runs a command under strace. Returns its exit code and the calls on its files."""
    log = folder + ".log"
    strace = ["strace", "-f", "-qq", "-o", log]
    for option in options:
        strace += ["-e", option]
    for path in paths(folder):
        strace += ["-P", path]
    run = subprocess.run(strace + command, timeout=60, capture_output=True)
    with open(log) as lines:
        return run.returncode, lines.read()


def calls(command, folder):
    """Returns the names of the calls that a command makes on its files."""
    _, text = traced(command, folder, "trace=%file,%desc")
    found = set(re.findall(r"^\d+ +(\w+)\(", text, re.MULTILINE))
    assert CERTAIN_CALLS <= found, found
    return sorted(found)


def faulty(command, folder, call, fault, number):
    """Runs a command with a fault at this call. Returns its exit code, and whether the fault came."""
    inject = f"inject={call}:{fault}:when={number}"
    code, text = traced(command, folder, f"trace={call}", inject)
    return code, "(INJECTED)" in text or "killed by SIGKILL" in text


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def prepare(command, folder, old, has_part):
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))
    if old is not None:
        with open(os.path.join(folder, "f"), "wb") as file:
            file.write(old)
    if has_part:
        faulty(command, folder, "fsync", "error=EIO", 1)
        assert os.path.exists(os.path.join(folder, ".f.part")), "no part is left"


def broken_rule(code, found, old, new):
    if found not in (old, new):
        return "another file"
    if code == 0 and found != new:
        return "exit code 0 without the file"
    return None


def main():
    cli, url, file, folder = sys.argv[1:]
    new, kinds, faults, failed = read(file), set(), 0, 0
    for old, has_part in [(None, False), (OLD, False), (None, True)]:
        command = download(cli, url, folder, force=old is not None)
        prepare(command, folder, old, has_part)
        for call in calls(command, folder):
            kinds.add(call)
            for fault in FAULTS:
                for number in range(1, MOST_CALLS):
                    prepare(command, folder, old, has_part)
                    code, has_come = faulty(command, folder, call, fault, number)
                    if not has_come:
                        break
                    faults += 1
                    rule = broken_rule(code, read(os.path.join(folder, "f")), old, new)
                    again = download(cli, url, folder, force=True)
                    again = subprocess.run(again, timeout=60, capture_output=True)
                    if again.returncode != 0 or read(os.path.join(folder, "f")) != new:
                        rule = rule or f"a later download ends with {again.returncode}"
                    if rule:
                        failed += 1
                        print(f"{call} {fault} at call {number}, {old}, part {has_part}: {rule}")
                else:
                    failed += 1
                    print(f"{call} {fault}: more than {MOST_CALLS} calls")
    print(f"{faults} faults in {len(kinds)} kinds of call, {failed} broke a rule")
    return 1 if failed or not faults else 0


if __name__ == "__main__":
    sys.exit(main())
