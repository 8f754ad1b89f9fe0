// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decoded frames of a file's video stream in presentation order, one after the other, with a count of all that went
// wrong on the way.

#include <scale/core/error.hpp>
#include <scale/video/detail/ffmpeg.hpp>
#include <scale/video/detail/file_input.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

namespace scale::video::detail {

/// What went wrong, and the first thing that did.
struct damage_report {
  std::int64_t errors = 0;
  std::int64_t damaged_frames = 0;  // decoded, but flagged by the decoder as broken or patched up
  std::string first;

  void add(std::string what) {
    if (errors++ == 0) first = std::move(what);
  }
};

class frame_source {
 public:
  /// `stream` is the index of a stream in the file, or -1 for the one FFmpeg prefers.
  frame_source(std::filesystem::path const& path, int stream, int threads, std::stop_token stop)
      : input_(path, std::move(stop)), packet_(allocated(av_packet_alloc())), frame_(allocated(av_frame_alloc())) {
    int const found = av_find_best_stream(&*input_, AVMEDIA_TYPE_VIDEO, stream, -1, nullptr, 0);
    if (found < 0) input_.refuse(stream < 0 ? "has no video" : "stream " + std::to_string(stream) + " is no video");
    stream_ = input_->streams[found];
    for (unsigned i = 0; i < input_->nb_streams; ++i)
      if (static_cast<int>(i) != found) input_->streams[i]->discard = AVDISCARD_ALL;
    AVCodec const* const codec = avcodec_find_decoder(stream_->codecpar->codec_id);
    if (codec == nullptr)
      input_.refuse(std::string("this FFmpeg has no decoder for ") + avcodec_get_name(stream_->codecpar->codec_id));
    codec_.reset(allocated(avcodec_alloc_context3(codec)));
    codec_->log_level_offset = quiet_log_offset;
    if (int const code = avcodec_parameters_to_context(codec_.get(), stream_->codecpar); code < 0)
      input_.refuse("its stream parameters are not valid: " + av_error_text(code));
    codec_->pkt_timebase = stream_->time_base;
    codec_->thread_count = threads;
    if (int const code = avcodec_open2(codec_.get(), codec, nullptr); code < 0)
      input_.refuse(std::string("decoder ") + codec->name + " refuses the stream: " + av_error_text(code));
  }

  AVStream const& stream() const noexcept { return *stream_; }
  file_input const& input() const noexcept { return input_; }
  damage_report const& damage() const noexcept { return damage_; }
  double seconds_per_tick() const noexcept { return av_q2d(stream_->time_base); }

  /// Leaves out work that changes pixels but not which frames there are. For counting.
  void count_only() noexcept { codec_->skip_loop_filter = AVDISCARD_ALL; }

  /// The next good frame, valid until the next call; null after the last. Throws cancelled_error where stopped.
  AVFrame* next() {
    while (true) {
      input_.check_stop();
      int const code = avcodec_receive_frame(codec_.get(), frame_.get());
      if (code >= 0) {
        bool const broken = (frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame_->decode_error_flags != 0;
        if (!broken && frame_->width > 0 && frame_->height > 0) return frame_.get();
        ++damage_.damaged_frames;
        damage_.add("a frame decodes only in part");
        continue;
      }
      if (code == AVERROR_EOF) return nullptr;
      if (code != AVERROR(EAGAIN)) {
        damage_.add("decoder: " + av_error_text(code));
        // A decoder that fails without taking input would never end: go on with the next packet.
        if (draining_) return nullptr;
      }
      feed();
    }
  }

  /// Goes back to a keyframe at or before `timestamp`; false where the file cannot seek.
  bool seek(std::int64_t timestamp) {
    if (av_seek_frame(&*input_, stream_->index, timestamp, AVSEEK_FLAG_BACKWARD) < 0) return false;
    avcodec_flush_buffers(codec_.get());
    draining_ = false;
    return true;
  }

 private:
  /// Hands the decoder one packet, or the end.
  void feed() {
    while (true) {
      int const code = av_read_frame(&*input_, packet_.get());
      if (code < 0) {
        input_.check_stop();
        if (code != AVERROR_EOF) damage_.add("file: " + av_error_text(code));
        check_end();
        draining_ = true;
        avcodec_send_packet(codec_.get(), nullptr);
        return;
      }
      if (packet_->stream_index != stream_->index) {
        av_packet_unref(packet_.get());
        continue;
      }
      if ((packet_->flags & AV_PKT_FLAG_CORRUPT) != 0) damage_.add("file: a packet is cut short or marked as damaged");
      int const sent = avcodec_send_packet(codec_.get(), packet_.get());
      av_packet_unref(packet_.get());
      if (sent < 0 && sent != AVERROR_EOF) damage_.add("decoder: " + av_error_text(sent));
      return;
    }
  }

  /// A container that names data behind the end of the file, in its index or its outermost sizes, was cut short.
  void check_end() {
    std::int64_t reach = input_.declared_bytes();
    for (int i = 0; i < avformat_index_get_entries_count(stream_); ++i) {
      AVIndexEntry const* const entry = avformat_index_get_entry(stream_, i);
      reach = (std::max)(reach, entry->pos + entry->size);
    }
    if (reach > input_.bytes())
      damage_.add("file is cut short: it names data up to byte " + std::to_string(reach) + ", it has " +
                  std::to_string(input_.bytes()));
  }

  file_input input_;
  AVStream* stream_ = nullptr;
  codec_ptr codec_;
  packet_ptr packet_;
  frame_ptr frame_;
  damage_report damage_;
  bool draining_ = false;
};

}  // namespace scale::video::detail
