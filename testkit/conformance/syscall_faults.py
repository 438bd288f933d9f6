"""Makes each file call of a download fail in turn, and looks at the files afterwards.

    python3 syscall_faults.py TCSS_EXPORT URL FILE FOLDER

URL serves the bytes of FILE; FOLDER is empty. Needs strace. After each fault, the target must be
absent, the old file or the whole new one, exit code 0 must mean the new one, and a later download
without faults must complete. Prints the number of faults; exits with 1 if a rule was broken.
"""

import os
import subprocess
import sys

CALLS = "openat write ftruncate fsync linkat rename unlink flock statx fchmod lseek".split()
FAULTS = [f"error={name}" for name in "EIO ENOSPC EXDEV EINTR ENOLCK".split()] + ["signal=KILL"]
# More calls of one kind than a download makes.
MOST_CALLS = 60
OLD = b"old"


def paths(folder):
    names = ["", "f", ".f.part", ".f.part.json"]
    return [os.path.join(folder, name).rstrip("/") for name in names]


def download(cli, url, folder):
    target = os.path.join(folder, "f")
    return [cli, "--quiet", "download", "--force", "--url", url, "-o", target]


def faulty(command, folder, call, fault, number):
    """Runs a command with a fault at this call. Returns its exit code, and whether the fault came."""
    log = folder + ".log"
    strace = ["strace", "-f", "-qq", "-o", log, "-e", f"trace={call}"]
    strace += ["-e", f"inject={call}:{fault}:when={number}"]
    for path in paths(folder):
        strace += ["-P", path]
    run = subprocess.run(strace + command, timeout=60, capture_output=True)
    with open(log) as lines:
        text = lines.read()
    return run.returncode, "(INJECTED)" in text or "killed by SIGKILL" in text


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def clear(folder, old):
    for name in os.listdir(folder):
        os.remove(os.path.join(folder, name))
    if old is not None:
        with open(os.path.join(folder, "f"), "wb") as file:
            file.write(old)


def broken_rule(code, found, old, new):
    if found not in (old, new):
        return "another file"
    if code == 0 and found != new:
        return "exit code 0 without the file"
    return None


def main():
    cli, url, file, folder = sys.argv[1:]
    new, faults, failed = read(file), 0, 0
    command = download(cli, url, folder)
    for old in [None, OLD]:
        for call in CALLS:
            for fault in FAULTS:
                for number in range(1, MOST_CALLS):
                    clear(folder, old)
                    code, has_come = faulty(command, folder, call, fault, number)
                    if not has_come:
                        break
                    faults += 1
                    rule = broken_rule(code, read(os.path.join(folder, "f")), old, new)
                    again = subprocess.run(command, timeout=60, capture_output=True)
                    if again.returncode != 0 or read(os.path.join(folder, "f")) != new:
                        rule = rule or f"a later download ends with {again.returncode}"
                    if rule:
                        failed += 1
                        print(f"{call} {fault} at call {number}, old file {old}: {rule}")
    print(f"{faults} faults, {failed} broke a rule")
    return 1 if failed or not faults else 0


if __name__ == "__main__":
    sys.exit(main())
