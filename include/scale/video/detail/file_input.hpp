// SPDX-License-Identifier: Apache-2.0
#pragma once
// One file opened by libavformat, through our own reads: a file can never make the reader open another file or an
// address, reading stops on request, and the contexts stay silent.

#include <scale/core/error.hpp>
#include <scale/video/detail/declared_end.hpp>
#include <scale/video/detail/ffmpeg.hpp>
#include <scale/video/detail/video_file.hpp>
#include <scale/video/video_info.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace scale::video::detail {

class file_input {
 public:
  /// Finds the streams of `file`, which has to outlive this object. Throws input_error, naming the file, where it is no
  /// video file. Frames of more than options.max_pixels are not decoded for that, nor more than options.max_streams
  /// streams made.
  file_input(video_file const& file, read_options const& options)
      : file_(file), stop_(options.stop), deadline_(options.deadline), declared_(declared_end(file).find()) {
    constexpr int buffer_bytes = 1 << 16;
    auto* const buffer = allocated(static_cast<unsigned char*>(av_malloc(buffer_bytes)));
    io_.reset(avio_alloc_context(buffer, buffer_bytes, 0, this, &file_input::read, nullptr, &file_input::seek));
    if (!io_) {
      av_free(buffer);
      throw resource_error("[video] out of memory");
    }
    AVFormatContext* context = allocated(avformat_alloc_context());
    silence(*context);
    context->pb = io_.get();
    context->max_streams = options.max_streams;
    context->io_open = &file_input::refuse_open;
    context->interrupt_callback = {&file_input::interrupted, this};
    // Some demuxers, of session descriptions for one, open sockets by themselves, not through io_open.
    context->protocol_whitelist = allocated(av_strdup("none"));
    if (int const code = avformat_open_input(&context, "", nullptr, nullptr); code < 0) {  // frees it on failure
      check_stop();
      refuse("not a video file that FFmpeg knows: " + av_error_text(code) +
             (code == AVERROR(ENOMEM) ? ", or more than the limit of " + std::to_string(options.max_streams) +
                                            " streams (read_options.max_streams)"
                                      : ""));
    }
    input_.reset(context);
    find_streams(options.max_pixels);
  }

  file_input(file_input const&) = delete;
  file_input& operator=(file_input const&) = delete;

  AVFormatContext& operator*() const noexcept { return *input_; }
  AVFormatContext* operator->() const noexcept { return input_.get(); }
  std::filesystem::path const& path() const noexcept { return file_.path(); }
  std::int64_t bytes() const noexcept { return file_.bytes(); }

  /// Where the container says it ends; 0 where it does not say.
  std::int64_t declared_bytes() const noexcept { return declared_; }

  /// Throws cancelled_error where reading was stopped, input_error where its time is up.
  void check_stop() const {
    if (stop_.stop_requested()) throw cancelled_error("[video] " + path().string() + ": reading was stopped");
    if (is_late()) refuse("reading took longer than it may (read_options.deadline)");
  }

  [[noreturn]] void refuse(std::string const& why) const { file_.refuse(why); }

 private:
  /// libavformat's own class has no log offset: give this context a copy of its class whose offset is in `opaque`.
  void silence(AVFormatContext& context) {
    quiet_class_ = *context.av_class;
    quiet_class_.log_level_offset_offset = static_cast<int>(offsetof(AVFormatContext, opaque));
    context.opaque = reinterpret_cast<void*>(static_cast<std::uintptr_t>(quiet_log_offset) *
                                             (sizeof(void*) == 8 ? 0x100000001u : 1u));  // as an int, either byte order
    context.av_class = &quiet_class_;
  }

  void refuse_large_frames(std::int64_t max_pixels) const {
    for (unsigned i = 0; i < input_->nb_streams; ++i) {
      AVCodecParameters const& facts = *input_->streams[i]->codecpar;
      if (std::int64_t{facts.width} * facts.height > max_pixels)
        refuse("frames of " + std::to_string(facts.width) + "x" + std::to_string(facts.height) +
               " pixels are over the limit of " + std::to_string(max_pixels) + " pixels (read_options.max_pixels)");
    }
  }

  void find_streams(std::int64_t max_pixels) {
    refuse_large_frames(max_pixels);  // before decoders are tried on them
    std::vector<AVDictionary*> options(input_->nb_streams, nullptr);
    for (AVDictionary*& o : options) {
      av_dict_set_int(&o, "log_level_offset", quiet_log_offset, 0);
      av_dict_set_int(&o, "max_pixels", max_pixels, 0);
    }
    int const code = avformat_find_stream_info(input_.get(), options.empty() ? nullptr : options.data());
    for (AVDictionary*& o : options) av_dict_free(&o);
    check_stop();
    if (code < 0) refuse("its streams cannot be read: " + av_error_text(code));
    refuse_large_frames(max_pixels);
  }

  static int read(void* self, std::uint8_t* to, int size) {
    auto& me = *static_cast<file_input*>(self);
    if (me.stop_.stop_requested() || me.is_late()) return AVERROR_EXIT;
    auto const count = static_cast<int>(me.file_.read(me.at_, to, static_cast<std::size_t>(size)));
    if (count <= 0) return count < 0 ? AVERROR(EIO) : AVERROR_EOF;
    me.at_ += count;
    return count;
  }

  static std::int64_t seek(void* self, std::int64_t offset, int whence) {
    auto& me = *static_cast<file_input*>(self);
    std::int64_t from = 0;
    switch (whence & ~AVSEEK_FORCE) {
      case AVSEEK_SIZE: return me.bytes();
      case SEEK_SET: break;
      case SEEK_CUR: from = me.at_; break;
      case SEEK_END: from = me.bytes(); break;
      default: return AVERROR(EINVAL);
    }
    std::int64_t const most = (std::numeric_limits<std::int64_t>::max)() - from;
    if (offset > most || from + offset < 0) return AVERROR(EIO);
    return me.at_ = from + offset;
  }

  static int refuse_open(AVFormatContext*, AVIOContext**, char const*, int, AVDictionary**) { return AVERROR(EPERM); }
  static int interrupted(void* self) {
    auto const& me = *static_cast<file_input const*>(self);
    return me.stop_.stop_requested() || me.is_late() ? 1 : 0;
  }

  bool is_late() const { return deadline_ && std::chrono::steady_clock::now() >= *deadline_; }

  video_file const& file_;
  std::int64_t at_ = 0;  // where reading goes on
  std::stop_token stop_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  std::int64_t declared_ = 0;
  AVClass quiet_class_{};
  io_ptr io_;
  input_ptr input_;
};

}  // namespace scale::video::detail
