#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stored features of 15 clips to one vector per video (mean of the clips beside the set's summary): scale beside
PyTorch, one video and 1,000 videos.

    embed.py --scale build/release/bin/scale [--threads 2] [--runs 20] [--rounds 2] [--dim 768] [--clips 15]
             [--venv build/compare]

PyTorch is installed from PyPI into the virtual environment --venv; its side is set_model.py, in inference mode, eager
and compiled. Before anything is timed, it is compared with the golden files that scale is verified against.
"""
import argparse
import json
import pathlib
import sys

import common
import filled

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "scale"
PACKAGES = ["numpy", "torch"]
KINDS = ["eager", "compile"]


def check_golden():
    import torch
    from set_model import SetModel
    worst = None
    for path in sorted(GOLDEN.glob("scale_forward_*.safetensors")):
        case = filled.golden_case(path)
        c = case.config
        model = SetModel(c["D"], c["H"], c["L"], c["mlp_ratio"], 0.0, c["pred_hidden"], c["target_hidden"],
                         c["set_dim"], c["dense_dim"]).eval()
        with torch.inference_mode():
            for name, p in model.named_parameters():
                p.copy_(torch.from_numpy(filled.tensor(name, tuple(p.shape))))
            found = model.encode(*(torch.from_numpy(case.fill(name)) for name in ("x", "pos")))[:, 0].numpy()
        expected = case.stored("set_cls")
        off = float(abs(found - expected).max() / abs(expected).max())
        if not off < 1e-5:
            sys.exit(f"{path}: expected set_cls within 1e-5, found {off:.2g}; set_model.py computes something else than "
                     "the method")
        worst = max(worst or 0, off)
    if worst is None:
        sys.exit(f"{GOLDEN}: expected golden files scale_forward_*.safetensors, found none; run this in a checkout")
    print(f"PyTorch's side computes the golden summaries, {worst:.1g} apart at most", flush=True)


def work(request):
    import torch
    from set_model import SetModel
    torch.set_num_threads(request["threads"])
    model = SetModel(request["dim"]).eval()
    x = torch.rand(request["videos"], request["clips"], request["dim"]) - 0.5
    position = torch.rand(request["videos"], request["clips"], 7)

    def embed(x, position):
        return torch.cat([x.mean(1), model.encode(x, position)[:, 0]], -1)

    compute = torch.compile(embed) if request["kind"] == "compile" else embed
    with torch.inference_mode():
        seconds = common.time_calls(lambda: compute(x, position), request["runs"])
    return {"seconds": seconds, "peak_rss_mb": common.peak_rss_mb()}


def compare(arguments):
    check_golden()
    figures = common.print_machine(arguments.threads, PACKAGES) | {"rows": []}
    print(f"D {arguments.dim}, {arguments.clips} clips\n{'videos':>6} {'program':<8} {'minimum':>12} {'each':>10} "
          f"{'median':>12} {'memory':>8} {'ratio':>6}")
    for videos in (1, 1000):
        tallies = {name: common.Tally() for name in ["scale"] + KINDS}
        for _ in range(arguments.rounds):
            tallies["scale"].add_bench(common.bench(arguments.scale, arguments.threads, "embed", "--dim", arguments.dim,
                                                    "--videos", videos, "--clips", arguments.clips, "--runs",
                                                    arguments.runs))
            for kind in KINDS:
                done = common.in_own_process(__file__, {"threads": arguments.threads, "dim": arguments.dim,
                                                        "videos": videos, "clips": arguments.clips,
                                                        "runs": arguments.runs, "kind": kind})
                tallies[kind].add(done["seconds"], done["peak_rss_mb"])
        for name, tally in tallies.items():
            ratio = tallies["scale"].minimum() / tally.minimum()
            print(f"{videos:>6} {name:<8} {1e3 * tally.minimum():9.3f} ms {1e3 * tally.minimum() / videos:7.3f} ms "
                  f"{1e3 * tally.median():9.3f} ms {tally.memory:5.0f} MB {ratio:6.2f}", flush=True)
            figures["rows"].append({"videos": videos, "program": name, "seconds_min": tally.minimum(),
                                    "seconds_median": tally.median(), "peak_rss_mb": tally.memory})
    print("ratio: seconds of scale over those of the program; below 1 scale is faster")
    common.save(arguments.json, figures)


def main():
    if sys.argv[1:] == ["--worker"]:
        print(json.dumps(work(json.load(sys.stdin))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_options(parser, runs=20)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--clips", type=int, default=15)
    arguments = parser.parse_args()
    common.enter_venv(arguments.venv, PACKAGES)
    compare(arguments)


if __name__ == "__main__":
    main()
