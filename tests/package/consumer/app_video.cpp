// SPDX-License-Identifier: Apache-2.0
#include <scale/video.hpp>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libswscale/swscale.h>
}

// A call into each of the libraries: all must be linked.
int main() {
  return avformat_version() != 0 && avcodec_version() != 0 && avutil_version() != 0 && swscale_version() != 0 ? 0 : 1;
}
