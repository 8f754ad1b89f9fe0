#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every frame of videos decoded, brought to a short side of 256 and cropped to 224 x 224 in RGB, on one thread: scale
beside the ffmpeg program.

    decode.py --scale build/release/bin/scale FOLDER_OR_VIDEO... [--runs 3] [--json FILE]

Seconds of the processor, user and system, of each process, less those of a process that only prints its version; the
two programs in turn for each video, minimum of the runs. ffmpeg and ffprobe are the system's.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys

import common

SIDE, CROP = 256, 224
ENDINGS = {".avi", ".mkv", ".mov", ".mp4", ".webm"}


def cpu_seconds(command):
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: expected exit code 0, found {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def scaled_size(path):
    """Of the frame as it is shown: a quarter turn swaps the sides."""
    done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                           "stream=width,height:stream_side_data=rotation", "-of", "json", str(path)], check=True,
                          stdout=subprocess.PIPE, text=True)
    stream = json.loads(done.stdout)["streams"][0]
    width, height = stream["width"], stream["height"]
    if any(abs(int(data.get("rotation", 0))) % 180 == 90 for data in stream.get("side_data_list", [])):
        width, height = height, width
    scale = SIDE / min(width, height)
    return max(SIDE, round(width * scale)), max(SIDE, round(height * scale))


def videos_in(paths):
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix.lower() in ENDINGS)
        else:
            yield path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", required=True, help="the program, of a release build")
    parser.add_argument("videos", nargs="+", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path, help="writes the figures there too")
    a = parser.parse_args()
    figures = common.print_machine(1, []) | {"rows": []}
    start = {"scale": min(cpu_seconds([a.scale, "--version"]) for _ in range(5)),
             "ffmpeg": min(cpu_seconds(["ffmpeg", "-version"]) for _ in range(5))}
    total = {"scale": 0.0, "ffmpeg": 0.0, "frames": 0}
    print(f"{'video':<40} {'frames':>6} {'scale':>8} {'ffmpeg':>8} ratio")
    for path in videos_in(a.videos):
        width, height = scaled_size(path)
        commands = {"scale": [a.scale, "bench", "decode", str(path), "--runs", "1", "--json"],
                    "ffmpeg": ["ffmpeg", "-nostdin", "-threads", "1", "-i", str(path), "-an", "-vsync", "passthrough",
                               "-vf", f"scale={width}:{height}:flags=area,crop={CROP}:{CROP}", "-f", "rawvideo",
                               "-pix_fmt", "rgb24", "-y", "/dev/null"]}
        done = subprocess.run(commands["scale"], check=True, stdout=subprocess.PIPE, text=True)
        frames = json.loads(done.stdout)["frames"]
        seconds = {name: [] for name in commands}
        for _ in range(a.runs):
            for name, command in commands.items():
                seconds[name].append(cpu_seconds(command) - start[name])
        ours, theirs = min(seconds["scale"]), min(seconds["ffmpeg"])
        print(f"{path.name:<40} {frames:6} {ours:8.3f} {theirs:8.3f} {ours / theirs:5.2f}", flush=True)
        total["scale"] += ours
        total["ffmpeg"] += theirs
        total["frames"] += frames
        figures["rows"].append({"video": path.name, "frames": frames, "scale": ours, "ffmpeg": theirs})
    print(f"{'all':<40} {total['frames']:6} {total['scale']:8.3f} {total['ffmpeg']:8.3f} "
          f"{total['scale'] / total['ffmpeg']:5.2f}: below 1 scale is faster")
    common.save(a.json, figures | {"all": total})


if __name__ == "__main__":
    main()
