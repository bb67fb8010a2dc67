#!/usr/bin/env python3
"""Asks the running kernel again for what the verifier cases expect.

    python3 scripts/record-verifier.py [--check] [FILE.json ...]

Each case of src/kernel/verifier/cases/*.json has a program (`test`, the format of ../shared/oracle/kbpf.py) and the
kernel's verdict, errno and log at level 2 (or `log_level`). --check only says which differ. Cases for loaders without
capabilities (`unpriv`) are left alone where the kernel refuses those.
"""
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
KBPF = os.path.join(ROOT, "..", "shared", "oracle", "kbpf.py")


def ask(cases):
    lines = "".join(
        json.dumps(dict(c["test"], name=c["name"], log_level=c.get("log_level", 2))) + "\n" for c in cases
    )
    run = subprocess.run(
        [sys.executable, KBPF, "--scrub", "--no-run", "-"], input=lines, stdout=subprocess.PIPE, text=True, check=True
    )
    return [json.loads(line) for line in run.stdout.splitlines()]


def main():
    check = "--check" in sys.argv
    files = [a for a in sys.argv[1:] if a != "--check"]
    changed = 0
    for path in files or sorted(glob.glob(os.path.join(ROOT, "src/kernel/verifier/cases/*.json"))):
        with open(path, encoding="utf8") as f:
            cases = json.load(f)
        for case, result in zip(cases, ask(cases)):
            if result["verdict"] == "error" or case.get("unpriv"):
                print(f"{case['name']}: not asked ({result.get('setup_error', 'unprivileged')})")
                continue
            now = {"verdict": result["verdict"], "errno": result["errno"], "log": result["log"].split("\n")}
            if any(case[key] != value for key, value in now.items()):
                print(f"{case['name']}: differs")
                changed += 1
            case.update(now)
        if not check:
            with open(path, "w", encoding="utf8") as f:
                f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    print(f"{changed} differ")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
