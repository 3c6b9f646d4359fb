"""Times the titanic and flights jobs beside the same in pandas and scikit-learn, whole processes in turn.

Run by `benches/peers/run speed [JOB…] [--runs N]`. For each job: a cold run, a run in which nothing
changed, and a rerun after one setting changed: a cheap model's and a dear one's. A script has no cache,
so it does everything each time; what is compared is what the person waits for. On a busy machine the
wall time says little, so the processor's time, of all processes and threads, stands beside it.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sklearn

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "pipelines"
MLP = os.environ["MLP"]

# Threads of OpenMP that wait for a core shall sleep: spinning is counted as work, and slows a busy machine.
SURROUNDINGS = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}

# What is changed: in the pipeline's text, and in the script's arguments.
CHANGES = {
    "titanic": {
        "the logistic regression's C": (("C: 0.5", "C: 1.0"), ["--C", "1.0"]),
        "the boosting's learning rate": (
            ("learning_rate: 0.1)", "learning_rate: 0.08)"),
            ["--learning-rate", "0.08"],
        ),
    },
    "flights": {
        "the logistic regression's C": (
            ("logistic_regression()", "logistic_regression(C: 0.5)"),
            ["--C", "0.5"],
        ),
        "the boosting's learning rate": (
            ("gradient_boosting(", "gradient_boosting(learning_rate: 0.08, "),
            ["--learning-rate", "0.08"],
        ),
    },
}


def timed(command, folder):
    """Runs a command to its end; gives wall seconds, processor seconds, and the peak of its memory in MiB."""
    with tempfile.TemporaryFile() as said:
        begin = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said, env=SURROUNDINGS)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            sys.exit(f"{' '.join(map(str, command))} failed:\n{said.read().decode()}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Job:
    """A job in a folder of its own, as mlp and as a script run it."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.pipeline = folder / f"{name}.mlp"
        self.text = (GALLERY / f"{name}.mlp").read_text()
        (folder / "data").symlink_to(GALLERY / "data")

    def write(self, change=None):
        text = self.text
        if change:
            assert change[0] in text, f"{change[0]} is not in {self.pipeline.name}"
            text = text.replace(*change)
        self.pipeline.write_text(text)

    def forget(self):
        shutil.rmtree(self.folder / ".mlp", ignore_errors=True)
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        (self.folder / f"{self.name}.lock").unlink(missing_ok=True)

    def ours(self):
        return timed([MLP, "run", self.pipeline.name, "--quiet"], self.folder)

    def theirs(self, arguments=()):
        script = ROOT / "benches" / "peers" / f"{self.name}.py"
        command = [sys.executable, script, GALLERY / "data", self.folder / "theirs", *arguments]
        return timed(command, self.folder)


def measure(job, runs):
    """Measures each situation so many times, ours and theirs in turn."""
    for _ in range(runs):
        job.write()
        job.forget()
        yield "cold", job.ours(), job.theirs()
        yield "nothing changed", job.ours(), None
        for what, (change, arguments) in CHANGES[job.name].items():
            job.write(change)
            yield f"changed: {what}", job.ours(), job.theirs(arguments)
            # Back to where it was, so that each change is one change.
            job.write()
            job.ours()


def main():
    asked = argparse.ArgumentParser()
    asked.add_argument("jobs", nargs="*", metavar="JOB", help=", ".join(CHANGES))
    asked.add_argument("--runs", type=int, default=5)
    asked = asked.parse_args()
    if unknown := set(asked.jobs) - set(CHANGES):
        sys.exit(f"no job {', '.join(sorted(unknown))}; there are {', '.join(CHANGES)}")

    version = subprocess.run([MLP, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    load = os.getloadavg()[0]
    print(f"{version} beside scikit-learn {sklearn.__version__}, Python {sys.version.split()[0]}")
    print(f"{os.cpu_count()} cores, load {load:.1f} before, median (least to most) of {asked.runs} runs\n")
    print("| job | run | mlp | scikit-learn | ratio | processor, mlp | scikit-learn | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in asked.jobs or CHANGES:
        with tempfile.TemporaryDirectory() as folder:
            seen = {}
            for what, ours, theirs in measure(Job(name, Path(folder)), asked.runs):
                seen.setdefault(what, []).append((ours, theirs))
            show(name, seen)


def show(name, seen):
    cold = [theirs for _, theirs in seen["cold"]]
    for what, pairs in seen.items():
        ours = [ours for ours, _ in pairs]
        theirs = [theirs for _, theirs in pairs if theirs] or cold
        wall, busy = (median(theirs, place) / median(ours, place) for place in (0, 1))
        print(
            f"| {name} | {what} | {spread(ours)} | {spread(theirs)} | {wall:.1f} "
            f"| {median(ours, 1):.2f} s | {median(theirs, 1):.2f} s | {busy:.1f} |",
            flush=True,
        )
    ours, theirs = median([pair[0] for pair in seen["cold"]], 2), median(cold, 2)
    print(f"| {name} | cold, peak of memory | {ours:.0f} MiB | {theirs:.0f} MiB | | | | |", flush=True)


def median(runs, place):
    return statistics.median(run[place] for run in runs)


def spread(runs):
    times = sorted(run[0] for run in runs)
    return f"{statistics.median(times):.2f} s ({times[0]:.2f} to {times[-1]:.2f})"


if __name__ == "__main__":
    main()
