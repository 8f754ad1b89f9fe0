#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time and memory of a pre-training step: scale beside PyTorch, same shapes and threads, one process each, in turn.

    step.py --scale build/release/bin/scale [--threads 2] [--runs 3] [--rounds 2] [--dims 768,1024,2048]
            [--programs scale-f32,scale-bf16,eager-f32,eager-bf16,compile-f32,compile-bf16] [--venv build/compare]
    step.py --scale build/release/bin/scale --check        only compares PyTorch's losses with the golden ones

A step is forward, backward and AdamW of both objectives, dropout on. PyTorch is installed from PyPI into the virtual
environment --venv. Its side is set_model.py; before anything is timed, its losses are compared with those of
tests/golden/scale, which scale is verified against too. bf16: PyTorch's autocast, scale's own. torch.compile's time to
compile is told apart. Other work on the machine disturbs the numbers: read the ratios of one run.
"""
import argparse
import json
import pathlib
import sys
import time

import common
import filled

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "scale"
PACKAGES = ["numpy", "torch"]
PROGRAMS = ["scale-f32", "scale-bf16", "eager-f32", "eager-bf16", "compile-f32", "compile-bf16"]
SETS, MASK_RATIO = 2, 0.25


def golden_losses(path):
    """Losses of PyTorch's side and of the golden case."""
    import torch
    from set_model import SetModel, losses
    case = filled.golden_case(path)
    c = case.config
    model = SetModel(c["D"], c["H"], c["L"], c["mlp_ratio"], 0.0, c["pred_hidden"], c["target_hidden"], c["set_dim"],
                     c["dense_dim"])
    with torch.no_grad():
        parameters = dict(model.named_parameters())
        if {name: list(p.shape) for name, p in parameters.items()} != c["params"]:
            sys.exit(f"{path}: expected its parameters and shapes to be those of set_model.py, found others")
        for name, p in parameters.items():
            p.copy_(torch.from_numpy(filled.tensor(name, tuple(p.shape))))
        x, position = (torch.from_numpy(case.fill(name)) for name in ("x", "pos"))
        mask = torch.from_numpy(case.stored("mask").astype(bool))
        masked = mask.reshape(-1).nonzero().reshape(-1)
        found = losses(model.eval(), x, position, mask, masked, c["set_temperature"], c["dense_temperature"])
    names = ["set_loss", "dense_loss"]
    return [(name, float(value), float(case.stored(name)[0])) for name, value in zip(names, found)]


def check_golden():
    """Exits unless PyTorch's side computes the golden losses. A case where nothing is masked is left out: PyTorch's mean
    of nothing is NaN."""
    worst, count = 0.0, 0
    for path in sorted(GOLDEN.glob("scale_pretrain_*.safetensors")):
        if path.stem == "scale_pretrain_none_masked":
            continue
        for name, found, expected in golden_losses(path):
            off = abs(found - expected) / max(abs(expected), 1e-3)
            if not off < 1e-5:
                sys.exit(f"{path}: expected {name} {expected:.9g} within 1e-5, found {found:.9g}; set_model.py computes "
                         "something else than the method")
            worst, count = max(worst, off), count + 1
    if count == 0:
        sys.exit(f"{GOLDEN}: expected golden files scale_pretrain_*.safetensors, found none; run this in a checkout")
    print(f"PyTorch's side computes {count} golden losses, {worst:.1g} apart at most", flush=True)


def work(request):
    """PyTorch's side of one round, in a process of its own."""
    import torch
    from set_model import SetModel, losses, make_optimiser
    torch.set_num_threads(request["threads"])
    torch.manual_seed(1)
    shape = (request["batch"], SETS, request["clips"])
    model = SetModel(request["dim"]).train()
    optimiser = make_optimiser(model)
    x, position = torch.rand(*shape, request["dim"]) - 0.5, torch.rand(*shape, 7)
    mask = torch.rand(shape) < MASK_RATIO
    masked = mask.reshape(-1).nonzero().reshape(-1)
    compute = torch.compile(losses) if request["kind"] == "compile" else losses
    bf16 = request["dtype"] == "bf16"

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            set_loss, dense_loss = compute(model, x, position, mask, masked)
        ((set_loss + dense_loss) / 2).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    begin = time.perf_counter()
    step()
    first = time.perf_counter() - begin
    seconds = common.time_calls(step, request["runs"])
    if not all(bool(torch.isfinite(p).all()) for p in model.parameters()):
        sys.exit("expected finite parameters after the steps, found NaN or infinity")
    return {"seconds": seconds, "first": first, "peak_rss_mb": common.peak_rss_mb()}


def compare(arguments):
    check_golden()
    if arguments.check:
        return
    figures = common.print_machine(arguments.threads, PACKAGES) | {"rows": []}
    print(f"batch {arguments.batch}, {SETS} sets of {arguments.clips} clips")
    print(f"{'D':>5} {'program':<13} {'minimum':>9} {'median':>9} {'GFLOP/s':>8} {'memory':>8} {'ratio':>6}  compiled in")
    for dim in arguments.dims:
        tallies = {program: common.Tally() for program in arguments.programs}
        gflop, compiled = 0.0, {}
        for _ in range(arguments.rounds):
            for program, tally in tallies.items():
                kind, dtype = program.split("-")
                if kind == "scale":
                    printed = common.bench(arguments.scale, arguments.threads, "step", "--dim", dim, "--batch",
                                           arguments.batch, "--clips", arguments.clips, "--runs", arguments.runs,
                                           "--dtype", dtype)
                    gflop = printed["gflop"]
                    tally.add_bench(printed)
                    continue
                done = common.in_own_process(__file__, {
                    "threads": arguments.threads, "dim": dim, "batch": arguments.batch, "clips": arguments.clips,
                    "runs": arguments.runs, "kind": kind, "dtype": dtype})
                tally.add(done["seconds"], done["peak_rss_mb"])
                if kind == "compile":
                    compiled[program] = done["first"]
        for program, tally in tallies.items():
            ours = tallies.get(f"scale-{program.split('-')[1]}")
            ratio = f"{ours.minimum() / tally.minimum():6.2f}" if ours else " " * 6
            rate = f"{gflop / tally.minimum():8.0f}" if gflop else " " * 8
            late = f"{compiled[program]:.1f} s" if program in compiled else ""
            print(f"{dim:>5} {program:<13} {tally.minimum():7.3f} s {tally.median():7.3f} s {rate} "
                  f"{tally.memory:5.0f} MB {ratio}  {late}", flush=True)
            figures["rows"].append({"dim": dim, "program": program, "seconds_min": tally.minimum(),
                                    "seconds_median": tally.median(), "gflop": gflop, "peak_rss_mb": tally.memory,
                                    "compile_seconds": compiled.get(program)})
    print("GFLOP/s: of the arithmetic that the loss needs, the same for all. ratio: seconds of scale in that type over "
          "those of the program; below 1 scale is faster")
    common.save(arguments.json, figures)


def names_of(text):
    for word in text.split(","):
        if word not in PROGRAMS:
            raise argparse.ArgumentTypeError(f"expected some of {','.join(PROGRAMS)}, found {word}")
    return text.split(",")


def main():
    if sys.argv[1:] == ["--worker"]:
        print(json.dumps(work(json.load(sys.stdin))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    common.add_options(parser, runs=3)
    parser.add_argument("--dims", type=lambda text: [int(word) for word in text.split(",")], default=[768, 1024, 2048])
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--clips", type=int, default=8, help="in each of two sets")
    parser.add_argument("--programs", type=names_of, default=PROGRAMS)
    parser.add_argument("--check", action="store_true", help="golden losses only")
    arguments = parser.parse_args()
    common.enter_venv(arguments.venv, PACKAGES)
    compare(arguments)


if __name__ == "__main__":
    main()
