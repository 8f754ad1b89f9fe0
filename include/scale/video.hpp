// SPDX-License-Identifier: Apache-2.0
#pragma once
// Everything of scale/video: reading and writing video with FFmpeg, clips, views and their positions.

#include <scale/video/clip_times.hpp>
#include <scale/video/colour_augment.hpp>
#include <scale/video/crop_box.hpp>
#include <scale/video/decode_process.hpp>
#include <scale/video/decode_worker.hpp>
#include <scale/video/decoded_video.hpp>
#include <scale/video/decoder_version.hpp>
#include <scale/video/frame_reader.hpp>
#include <scale/video/frames.hpp>
#include <scale/video/positions.hpp>
#include <scale/video/pushed_video.hpp>
#include <scale/video/reader.hpp>
#include <scale/video/render.hpp>
#include <scale/video/render_clip.hpp>
#include <scale/video/resize.hpp>
#include <scale/video/sandboxed_reader.hpp>
#include <scale/video/video_info.hpp>
#include <scale/video/views.hpp>
#include <scale/video/writer.hpp>
