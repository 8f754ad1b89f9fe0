# SPDX-License-Identifier: Apache-2.0
"""What the comparisons share: a virtual environment of their own, runs of the program, what the machine is."""
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time


def add_options(parser, runs):
    parser.add_argument("--scale", required=True, help="the program, of a release build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=runs, help="per round")
    parser.add_argument("--rounds", type=int, default=2, help="all programs in turn")
    parser.add_argument("--venv", type=pathlib.Path, default=pathlib.Path("build/compare"))
    parser.add_argument("--json", type=pathlib.Path, help="writes the figures there too")


def enter_venv(folder, packages):
    """Goes on in a virtual environment that has the packages; makes it, and installs what it lacks, from PyPI."""
    python = (folder / "bin" / "python").absolute()
    if pathlib.Path(sys.prefix).resolve() == folder.resolve():
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    wanted = [package.split(" ")[0] for package in packages]
    known = "import importlib.util, sys; sys.exit(any(importlib.util.find_spec(m) is None for m in sys.argv[1:]))"
    modules = [package.split(" ")[-1] for package in packages]
    if subprocess.run([str(python), "-c", known, *modules], check=False).returncode != 0:
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
    os.execv(str(python), [str(python), os.path.abspath(sys.argv[0]), *sys.argv[1:]])


def bench(program, threads, *arguments):
    """What `scale bench ARGUMENTS --json` prints."""
    command = [program, "bench", *map(str, arguments), "--threads", str(threads), "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def time_calls(call, runs):
    """Seconds of each of `runs` calls after two that do not count."""
    call()
    call()
    seconds = []
    for _ in range(runs):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return seconds


def peak_rss_mb():
    """Of this program. Not getrusage: what it says includes the peak of the process that called exec."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(float(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM:"))


def in_own_process(script, request):
    """Runs `script --worker` with the request as JSON on its input; returns the JSON of its last line. So that each
    program's memory is its own."""
    done = subprocess.run([sys.executable, str(script), "--worker"], input=json.dumps(request), check=True,
                          stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


class Tally:
    """Seconds and peak memory of one program over all rounds."""

    def __init__(self):
        self.seconds, self.memory = [], 0.0

    def add(self, seconds, memory=0.0):
        self.seconds += seconds
        self.memory = max(self.memory, memory)

    def add_bench(self, printed):
        """Of `scale bench`: the minimum and the median of its runs stand for them."""
        self.add([printed["seconds_min"], printed["seconds_median"]], printed["peak_rss_mb"])

    def minimum(self):
        return min(self.seconds)

    def median(self):
        return statistics.median(self.seconds)


def machine():
    """Processor, system and how busy they were, in a line each."""
    name = platform.processor() or platform.machine()
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    return {"processor": name, "cores": os.cpu_count(), "system": platform.platform(),
            "load_average": round(os.getloadavg()[0], 2)}


def print_machine(threads, packages):
    what = machine()
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
    print(f"{what['processor']}, {what['cores']} cores, {what['system']}; {threads} threads; {versions}; load average "
          f"{what['load_average']} at the start")
    return what | {"threads": threads, "versions": versions}


def save(path, figures):
    if path is not None:
        path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
