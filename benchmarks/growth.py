#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How time and memory grow with the sizes that users choose: tables and plots in docs/measured/growth/.

    growth.py --scale build/release/bin/scale [--out docs/measured/growth] [--threads 2] [--runs 2] [--quick]
              [--only batch,clips,width,store,length]

--quick leaves out the largest sizes. Some 15 minutes otherwise; ffmpeg makes the videos. Nothing else should run on the
machine.
"""
import argparse
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import plot

BATCHES = [64, 128, 256, 512, 1024, 2048, 4096]
CLIPS = [4, 8, 16, 32, 64]
WIDTHS = [256, 512, 1024, 2048, 4096]
STORES = [1_000, 10_000, 100_000, 1_000_000]
LENGTHS = [10, 60, 600, 3600]


def bench(a, *arguments):
    command = [a.scale, "bench", *map(str, arguments), "--threads", str(a.threads), "--json"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + " --: |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def exponent(points):
    """Of the power of x that the last two points grow by: 1 is proportional."""
    (x0, y0), (x1, y1) = points[-2:]
    return math.log(y1 / y0) / math.log(x1 / x0)


def write(a, name, title, across, text, header, rows, time_points, memory_points):
    (a.out / f"{name}_time.svg").write_text(plot.lines(title, across, "seconds", time_points), encoding="utf-8")
    (a.out / f"{name}_memory.svg").write_text(plot.lines(title, across, "MB", memory_points), encoding="utf-8")
    grows = ", ".join(f"{what} {exponent(points):.2f}"
                      for what, points in list(time_points.items()) + list(memory_points.items()) if len(points) > 1)
    page = (f"# {title}\n\n{text}\n\n{table(header, rows)}\n"
            f"Power of the size that the last step grows by (1: in proportion): {grows}.\n\n"
            f"![time]({name}_time.svg)\n![memory]({name}_memory.svg)\n\n"
            f"`python3 benchmarks/growth.py --scale build/release/bin/scale --only {name}`: {a.machine}.\n")
    (a.out / f"{name}.md").write_text(page, encoding="utf-8")
    print(page, flush=True)


def step(a, name, title, across, text, sizes, arguments):
    rows, seconds, memory, activations = [], [], [], []
    for size in sizes:
        one = bench(a, "step", *arguments(size), "--runs", a.runs)
        rows.append([f"{size:,}", f"{one['seconds_min']:.3f}", f"{one['gflop']:.0f}", f"{one['gflops']:.0f}",
                     f"{one['activations_mb']:.0f}", f"{one['peak_rss_mb']:.0f}"])
        seconds.append((size, one["seconds_min"]))
        memory.append((size, one["peak_rss_mb"]))
        activations.append((size, one["activations_mb"]))
    write(a, name, title, across, text, [across, "seconds", "GFLOP", "GFLOP/s", "activations MB", "peak MB"], rows,
          {"step": seconds}, {"process": memory, "activations": activations})


def batch(a):
    step(a, "batch", "Pre-training step by batch", "videos in a batch",
         "Two sets of 8 clips, D 768, float. Everything but masked clip modelling's scores grows in proportion; those, "
         "2,048 by 8,192 at batch 512, grow with its square and are a few percent there. They are never stored, so "
         "memory grows in proportion.", BATCHES[:-2] if a.quick else BATCHES, lambda n: ["--batch", n])


def clips(a):
    step(a, "clips", "Pre-training step by clips per set", "clips in a set",
         "Batch 128, D 768, float. Tokens, and with them all layers, grow in proportion; attention within a set and the "
         "scores of masked clip modelling grow with the square.", CLIPS[:-1] if a.quick else CLIPS,
         lambda n: ["--batch", 128, "--clips", n])


def width(a):
    step(a, "width", "Pre-training step by width of features", "D",
         "Batch 512, two sets of 8 clips, float. Only the input projection and the first layer of the target head see "
         "D; the rest is the same for all, so growth is below proportion.", WIDTHS[:-1] if a.quick else WIDTHS,
         lambda n: ["--dim", n])


def store(a):
    rows, opened, first, drawn, memory = [], [], [], [], []
    with tempfile.TemporaryDirectory(dir=a.scratch) as folder:
        for videos in STORES[:-1] if a.quick else STORES:
            path = pathlib.Path(folder) / f"{videos}.store"
            written = bench(a, "store", path, "--write", videos, "--dim", 32)
            one = bench(a, "store", path, "--batch", 512)
            size = path.stat().st_size / 1e6
            path.unlink()
            rows.append([f"{videos:,}", f"{size:.0f}", f"{written['seconds_min']:.2f}",
                         f"{written['peak_rss_mb']:.0f}", f"{1e3 * one['open_seconds']:.1f}",
                         f"{1e3 * one['first_draw_seconds']:.2f}", f"{1e3 * one['seconds_median']:.2f}",
                         f"{one['open_rss_mb']:.0f}"])
            opened.append((videos, one["open_seconds"]))
            first.append((videos, one["first_draw_seconds"]))
            drawn.append((videos, one["seconds_median"]))
            memory.append((videos, one["open_rss_mb"]))
    write(a, "store", "Feature store by videos", "videos",
          "16 clips of 32 numbers each, f16. Opening checks header and tables, and the first batch of an epoch "
          "shuffles all videos: both in proportion. A batch of 512 with its features costs the same in any store, but "
          "for where its pages lie.",
          ["videos", "file MB", "write s", "writer MB", "open ms", "first draw ms", "batch ms", "open MB"], rows,
          {"open": opened, "first draw": first, "batch": drawn}, {"opened": memory})


def length(a):
    rows, seconds, extracted, memory = [], [], [], []
    with tempfile.TemporaryDirectory(dir=a.scratch) as folder:
        for duration in LENGTHS[:-1] if a.quick else LENGTHS:
            path = pathlib.Path(folder) / f"{duration}.mp4"
            subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=160x120:rate=30", "-t",
                            str(duration), "-c:v", "mpeg4", "-g", "60", str(path)], check=True)
            one = bench(a, "decode", path, "--runs", 1)
            begin = time.perf_counter()
            command = [a.scale, "extract", str(path), "--backbone", "motion_energy", "--clips", "16", "--threads",
                       str(a.threads), "--out", f"{path}.store", "--quiet"]
            peak = run_and_measure(command)
            extracted.append((duration, time.perf_counter() - begin))
            seconds.append((duration, one["seconds_min"]))
            memory.append((duration, peak))
            rows.append([f"{duration:,}", f"{one['frames']:,}", f"{one['seconds_min']:.2f}",
                         f"{extracted[-1][1]:.2f}", f"{one['peak_rss_mb']:.0f}", f"{peak:.0f}"])
            path.unlink()
    write(a, "length", "Decoding and extraction by length of the video", "seconds of video",
          "160 x 120 at 30 frames per second, brought to a short side of 256. decode: all frames, decoded, resized and "
          "cropped, on one thread. extract: 16 clips of motion_energy; frames that no clip has are not resized.",
          ["seconds of video", "frames", "decode s", "extract s", "decode MB", "extract MB"], rows,
          {"decode": seconds, "extract": extracted}, {"extract": memory})


def run_and_measure(command):
    """Runs it; peak memory in MB of that process alone."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: expected exit code 0, found {process.returncode}")
    return usage.ru_maxrss / 1024


PARTS = {"batch": batch, "clips": clips, "width": width, "store": store, "length": length}


def parts(text):
    for word in text.split(","):
        if word not in PARTS:
            raise argparse.ArgumentTypeError(f"expected some of {','.join(PARTS)}, found {word}")
    return text.split(",")


def main():
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "compare"))
    import common
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", required=True, help="the program, of a release build")
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[1] / "docs" / "measured" / "growth")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--scratch", help="folder for stores and videos, some 2 GB; a temporary one unless given")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", type=parts, default=list(PARTS))
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    what = common.machine()
    a.machine = (f"{what['processor']}, {a.threads} threads, minimum of {a.runs} runs, load average "
                 f"{what['load_average']} at the start")
    for name in a.only:
        PARTS[name](a)


if __name__ == "__main__":
    main()
