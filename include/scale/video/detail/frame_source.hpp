// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decoded frames of a file's video stream in presentation order, one after the other, with a count of all that went
// wrong on the way.

#include <scale/core/error.hpp>
#include <scale/video/detail/ffmpeg.hpp>
#include <scale/video/detail/file_input.hpp>
#include <scale/video/detail/video_file.hpp>
#include <scale/video/video_info.hpp>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

namespace scale::video::detail {

/// What went wrong, and the first thing that did.
struct damage_report {
  std::int64_t errors = 0;
  std::int64_t damaged_frames = 0;  // decoded, but broken or patched up, or from broken frames
  std::string first;

  void add(std::string what) {
    if (errors++ == 0) first = std::move(what);
  }
};

class frame_source {
 public:
  /// One thread decodes: with more, FFmpeg's decoders report other errors for the same damage.
  frame_source(video_file const& file, read_options const& options)
      : input_(file, options), packet_(allocated(av_packet_alloc())), frame_(allocated(av_frame_alloc())) {
    stream_ = input_->streams[choose_stream(options.stream)];
    for (unsigned i = 0; i < input_->nb_streams; ++i)
      if (input_->streams[i] != stream_) input_->streams[i]->discard = AVDISCARD_ALL;
    AVCodec const* const codec = avcodec_find_decoder(stream_->codecpar->codec_id);
    if (codec == nullptr)
      input_.refuse(std::string("this FFmpeg has no decoder for ") + avcodec_get_name(stream_->codecpar->codec_id));
    codec_.reset(allocated(avcodec_alloc_context3(codec)));
    codec_->log_level_offset = quiet_log_offset;
    if (int const code = avcodec_parameters_to_context(codec_.get(), stream_->codecpar); code < 0)
      input_.refuse("its stream parameters are not valid: " + av_error_text(code));
    codec_->pkt_timebase = stream_->time_base;
    codec_->thread_count = 1;
    codec_->max_pixels = options.max_pixels;
    if (int const code = avcodec_open2(codec_.get(), codec, nullptr); code < 0)
      input_.refuse(std::string("decoder ") + codec->name + " refuses the stream: " + av_error_text(code));
  }

  AVStream const& stream() const noexcept { return *stream_; }
  file_input const& input() const noexcept { return input_; }
  damage_report const& damage() const noexcept { return damage_; }
  double seconds_per_tick() const noexcept { return av_q2d(stream_->time_base); }

  /// Leaves out work that changes pixels but not which frames there are. For counting.
  void count_only() noexcept { codec_->skip_loop_filter = AVDISCARD_ALL; }

  /// The next good frame, valid until the next call; null after the last. A frame is good where neither it nor, since
  /// the last key frame, anything it may refer to was damaged. Throws cancelled_error where stopped.
  AVFrame* next() {
    while (true) {
      input_.check_stop();
      int const code = avcodec_receive_frame(codec_.get(), frame_.get());
      if (code >= 0) {
        failures_ = 0;
        if (is_good(*frame_)) return frame_.get();
        ++damage_.damaged_frames;
        continue;
      }
      if (code == AVERROR_EOF) return nullptr;
      if (code != AVERROR(EAGAIN)) note_damage("decoder: " + av_error_text(code), packets_);
      if (!draining_)
        feed();
      else if (++failures_ == most_failures)  // a decoder that gives nothing and takes nothing would never end
        return nullptr;
    }
  }

  /// Goes back to a keyframe at or before `timestamp`; false where the file cannot seek.
  bool seek(std::int64_t timestamp) {
    if (av_seek_frame(&*input_, stream_->index, timestamp, AVSEEK_FLAG_BACKWARD) < 0) return false;
    avcodec_flush_buffers(codec_.get());
    av_packet_unref(packet_.get());
    holding_ = draining_ = false;
    return true;
  }

 private:
  static constexpr int most_failures = 64;  // in a row

  int choose_stream(int wanted) const {
    auto const is_picture = [&](int i) { return (input_->streams[i]->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0; };
    int found = av_find_best_stream(&*input_, AVMEDIA_TYPE_VIDEO, wanted, -1, nullptr, 0);
    if (wanted < 0 && found >= 0 && is_picture(found))
      for (int i = static_cast<int>(input_->nb_streams) - 1; i >= 0; --i)
        if (input_->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !is_picture(i)) found = i;
    if (found < 0) input_.refuse(wanted < 0 ? "has no video" : "stream " + std::to_string(wanted) + " is no video");
    if (is_picture(found)) input_.refuse("has no video: stream " + std::to_string(found) + " is an attached picture");
    return found;
  }

  /// Damage done by packet `number`: what was decoded before is not affected.
  void note_damage(std::string what, std::int64_t number) {
    damage_.add(std::move(what));
    damaging_packets_.insert(number);
  }

  bool is_good(AVFrame const& frame) {
    std::int64_t const number = packet_number(frame);
    if ((frame.flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame.decode_error_flags != 0 || frame.width <= 0 ||
        frame.height <= 0)
      note_damage("a frame decodes only in part", number);
    // In order of presentation: frames shown before a key frame, though decoded after it, may refer to what was before.
    if (is_key_frame(frame)) damaging_packets_.erase(damaging_packets_.begin(), damaging_packets_.lower_bound(number));
    return damaging_packets_.empty() || *damaging_packets_.begin() > number;
  }

  /// Hands the decoder one packet, or the end.
  void feed() {
    if (!holding_ && !read_packet()) {
      draining_ = true;
      avcodec_send_packet(codec_.get(), nullptr);
      return;
    }
    number_packet(*codec_, *packet_, packets_);
    int const sent = avcodec_send_packet(codec_.get(), packet_.get());
    holding_ = sent == AVERROR(EAGAIN) && ++failures_ < most_failures;
    if (holding_) return;  // it has frames to give first
    failures_ = 0;
    av_packet_unref(packet_.get());
    if (sent < 0 && sent != AVERROR_EOF) note_damage("decoder: " + av_error_text(sent), packets_);
  }

  /// The stream's next packet; false after the last.
  bool read_packet() {
    while (true) {
      int const code = av_read_frame(&*input_, packet_.get());
      if (code < 0) {
        input_.check_stop();
        if (code != AVERROR_EOF) damage_.add("file: " + av_error_text(code));
        check_end();
        return false;
      }
      if (packet_->stream_index != stream_->index) {
        av_packet_unref(packet_.get());
        continue;
      }
      ++packets_;
      if ((packet_->flags & AV_PKT_FLAG_CORRUPT) != 0)
        note_damage("file: a packet is cut short or marked as damaged", packets_);
      return true;
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
  std::int64_t packets_ = 0;                 // read so far; the number of the last one
  std::set<std::int64_t> damaging_packets_;  // those that frames to come may still suffer from
  int failures_ = 0;
  bool holding_ = false;  // whether the decoder is still to take `packet_`
  bool draining_ = false;
};

}  // namespace scale::video::detail
