// SPDX-License-Identifier: Apache-2.0
#pragma once
// FFmpeg's C interface, owned: deleters, error texts, and the differences between its versions 4.4 to 7.

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
}

#include <scale/core/error.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace scale::video::detail {

struct av_deleter {
  void operator()(AVFrame* p) const noexcept { av_frame_free(&p); }
  void operator()(AVPacket* p) const noexcept { av_packet_free(&p); }
  void operator()(AVCodecContext* p) const noexcept { avcodec_free_context(&p); }
  void operator()(SwsContext* p) const noexcept { sws_freeContext(p); }
  void operator()(AVFormatContext* p) const noexcept { avformat_close_input(&p); }
  void operator()(AVIOContext* p) const noexcept {
    av_freep(&p->buffer);
    avio_context_free(&p);
  }
};

using frame_ptr = std::unique_ptr<AVFrame, av_deleter>;
using packet_ptr = std::unique_ptr<AVPacket, av_deleter>;
using codec_ptr = std::unique_ptr<AVCodecContext, av_deleter>;
using scaler_ptr = std::unique_ptr<SwsContext, av_deleter>;
using input_ptr = std::unique_ptr<AVFormatContext, av_deleter>;
using io_ptr = std::unique_ptr<AVIOContext, av_deleter>;

/// Added to a message's level (8 to 56) it is above every threshold, and below 256, where flags begin: a context with
/// this offset says nothing through FFmpeg's default log callback, whose level, a global, is left alone.
inline constexpr int quiet_log_offset = 100;

inline std::string av_error_text(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

/// The pointer, or resource_error where FFmpeg could not allocate.
template <class Pointer>
Pointer allocated(Pointer p) {
  if (!p) throw resource_error("[video] out of memory");
  return p;
}

inline std::int64_t frame_duration(AVFrame const& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
  return frame.duration;
#else
  return frame.pkt_duration;
#endif
}

inline bool is_key_frame(AVFrame const& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return (frame.flags & AV_FRAME_FLAG_KEY) != 0;
#else
  return frame.key_frame != 0;
#endif
}

/// Makes `packet_number` of the frames decoded from the packets sent from now on `number`.
inline void number_packet(AVCodecContext& codec, AVPacket& packet, std::int64_t number) {
#if LIBAVCODEC_VERSION_MAJOR >= 60
  codec.flags |= AV_CODEC_FLAG_COPY_OPAQUE;
  packet.opaque = reinterpret_cast<void*>(static_cast<std::intptr_t>(number));
#else
  static_cast<void>(packet);
  codec.reordered_opaque = number;
#endif
}

/// The number of the packet that a frame was decoded from.
inline std::int64_t packet_number(AVFrame const& frame) {
#if LIBAVCODEC_VERSION_MAJOR >= 60
  return static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(frame.opaque));
#else
  return frame.reordered_opaque;
#endif
}

/// The stream's display matrix (nine numbers, 16.16 fixed point), or null.
inline std::int32_t const* display_matrix(AVStream const& stream) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  AVPacketSideData const* const data = av_packet_side_data_get(
      stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
  return data != nullptr && data->size >= 36 ? reinterpret_cast<std::int32_t const*>(data->data) : nullptr;
#else
  for (int i = 0; i < stream.nb_side_data; ++i)
    if (stream.side_data[i].type == AV_PKT_DATA_DISPLAYMATRIX && stream.side_data[i].size >= 36)
      return reinterpret_cast<std::int32_t const*>(stream.side_data[i].data);
  return nullptr;
#endif
}

/// Memory for a display matrix that goes with an output stream; null where there is none left.
inline std::uint8_t* new_display_matrix(AVStream& stream) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  AVPacketSideData* const data = av_packet_side_data_new(
      &stream.codecpar->coded_side_data, &stream.codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX, 36, 0);
  return data != nullptr ? data->data : nullptr;
#else
  return av_stream_new_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, 36);
#endif
}

}  // namespace scale::video::detail
