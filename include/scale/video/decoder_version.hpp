// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which decoder this program runs with, for the record of what was extracted.

#include <scale/video/detail/ffmpeg.hpp>

#include <string>

namespace scale::video {

/// "libavcodec 59.37.100, libavformat 59.27.100, libswscale 6.7.100": of the libraries loaded, not of the headers.
inline std::string decoder_version() {
  auto const text = [](char const* name, unsigned version) {
    return std::string(name) + " " + std::to_string(version >> 16) + "." + std::to_string((version >> 8) & 255u) + "." +
           std::to_string(version & 255u);
  };
  return text("libavcodec", ::avcodec_version()) + ", " + text("libavformat", ::avformat_version()) + ", " +
         text("libswscale", ::swscale_version());
}

}  // namespace scale::video
