#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Exact k-nearest neighbours by dot product: scale beside Faiss's flat index, same vectors, threads and neighbours.

    knn.py --scale build/release/bin/scale [--peak build/release/bin/peak] [--threads 2] [--runs 3] [--rounds 2]
           [--queries 10000] [--bank 100000] [--dim 1024] [--k 20] [--venv build/compare]

Faiss is installed from PyPI into the virtual environment --venv. Both see the same numbers, filled by rule, and must
name the same neighbours for all but one in 10,000 places, where sums in another order turn near ties. --peak: the
program that measures what the machine can do, and of which the rates are a fraction.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import common
import filled

PACKAGES = ["numpy", "faiss-cpu faiss"]


def compare(arguments):
    import faiss
    import numpy as np
    figures = common.print_machine(arguments.threads, ["numpy", "faiss-cpu"]) | {"rows": []}
    print(f"{arguments.queries} queries, {arguments.bank} vectors of {arguments.dim}, k {arguments.k}")
    gflop = 2e-9 * arguments.queries * arguments.bank * arguments.dim
    peak = None
    if arguments.peak:
        done = subprocess.run([arguments.peak, "--json", "--threads", str(arguments.threads)], check=True,
                              stdout=subprocess.PIPE, text=True)
        peak = json.loads(done.stdout)["f32_gflops"]
        print(f"peak {peak:.0f} GFLOP/s")
    faiss.omp_set_num_threads(arguments.threads)
    index = faiss.IndexFlatIP(arguments.dim)
    index.add(filled.fill("bank", (arguments.bank, arguments.dim), 0, 1))
    queries = filled.fill("queries", (arguments.queries, arguments.dim), 0, 1)
    found = {}
    ours, theirs = common.Tally(), common.Tally()

    def search():
        found["faiss"] = index.search(queries, arguments.k)[1]

    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "neighbours.npy"
        for _ in range(arguments.rounds):
            printed = common.bench(arguments.scale, arguments.threads, "knn", "--queries", arguments.queries, "--bank",
                                   arguments.bank, "--dim", arguments.dim, "--k", arguments.k, "--runs",
                                   arguments.runs, "--out", out)
            ours.add_bench(printed)
            theirs.add(common.time_calls(search, arguments.runs), common.peak_rss_mb())
        found["scale"] = np.load(out)
    other = sum(len(np.setdiff1d(a, b)) for a, b in zip(found["scale"], found["faiss"]))
    if other > found["scale"].size / 1e4:
        sys.exit(f"expected the same neighbours but for one in 10,000, found {other} of {found['scale'].size} others")
    print(f"{other} of {found['scale'].size} neighbours differ")
    for name, tally in (("scale", ours), ("faiss", theirs)):
        rate = gflop / tally.minimum()
        part = f", {100 * rate / peak:.0f} % of peak" if peak else ""
        print(f"{name:<6} {tally.minimum():7.3f} s minimum {tally.median():7.3f} s median {rate:6.0f} GFLOP/s{part}, "
              f"{tally.memory:.0f} MB")
        figures["rows"].append({"program": name, "seconds_min": tally.minimum(), "seconds_median": tally.median(),
                                "gflops": rate, "peak_gflops": peak, "peak_rss_mb": tally.memory})
    print(f"ratio {ours.minimum() / theirs.minimum():.2f}: below 1 scale is faster")
    common.save(arguments.json, figures)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_options(parser, runs=3)
    parser.add_argument("--peak", help="the program, of the same build")
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--bank", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--k", type=int, default=20)
    arguments = parser.parse_args()
    common.enter_venv(arguments.venv, PACKAGES)
    compare(arguments)


if __name__ == "__main__":
    main()
