// SPDX-License-Identifier: Apache-2.0
#pragma once
// Writing RGB frames to a video file of constant frame rate: H.264 (libx264) where this FFmpeg has it, else MPEG-4.
// One thread, the same bytes for the same frames with the same libraries.

#include <scale/core/error.hpp>
#include <scale/video/detail/ffmpeg.hpp>
#include <scale/video/frames.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace scale::video {

/// `codec` is an FFmpeg encoder's name, empty for the default. The container follows from the file's extension.
struct write_options {
  int fps_numerator = 30;
  int fps_denominator = 1;
  std::string codec;
  int quality = 20;  // libx264: crf; others: quantiser, 1 to 31. 0 is lossless with libx264
  int keyframe_interval = 48;
  int b_frames = 0;
  std::string preset = "veryfast";  // of libx264
  std::string pixel_format = "yuv420p";
  int rotation = 0;  // clockwise degrees, a multiple of 90: written as display matrix, pixels stay as given
};

class video_writer {
 public:
  /// Throws resource_error where the encoder is missing or the file cannot be written, argument_error for an option.
  video_writer(std::filesystem::path const& path, frame_size size, write_options const& options = {})
      : path_(path), size_(size), packet_(detail::allocated(av_packet_alloc())) {
    AVCodec const* const codec = find_encoder(options.codec);
    open_output();
    open_encoder(*codec, options);
    AVStream* const stream = detail::allocated(avformat_new_stream(output_.get(), nullptr));
    stream->time_base = encoder_->time_base;
    stream->avg_frame_rate = encoder_->framerate;
    check(avcodec_parameters_from_context(stream->codecpar, encoder_.get()), "set up the stream");
    if (options.rotation != 0) set_rotation(*stream, options.rotation);
    check(avformat_write_header(output_.get(), nullptr), "write the header");
    stream_ = stream;
  }

  /// Encodes the next frame. The pixels are RGB of the writer's size.
  void write(frame_view const& frame) { write(frame, frames_); }

  /// The same, shown at `tick` in units of 1 / fps, later than the last frame's: a variable frame rate.
  void write(frame_view const& frame, std::int64_t tick) {
    expect(frame.size == size_, "video_writer", "a frame must have the writer's size");
    expect(tick >= frames_, "video_writer", "ticks must increase");
    check(av_frame_make_writable(picture_.get()), "make a frame");
    std::uint8_t const* const source[4] = {frame.pixels, nullptr, nullptr, nullptr};
    int const stride[4] = {static_cast<int>(frame.stride), 0, 0, 0};
    sws_scale(scaler_.get(), source, stride, 0, size_.height, picture_->data, picture_->linesize);
    picture_->pts = tick;
    frames_ = tick + 1;
    check(avcodec_send_frame(encoder_.get(), picture_.get()), "encode a frame");
    drain();
  }

  /// Writes what the encoder still holds and the trailer. Without it the file is not whole.
  void finish() {
    check(avcodec_send_frame(encoder_.get(), nullptr), "finish encoding");
    drain();
    check(av_write_trailer(output_.get()), "write the trailer");
    check(avio_closep(&output_->pb), "close the file");
  }

 private:
  struct output_deleter {
    void operator()(AVFormatContext* p) const noexcept {
      avio_closep(&p->pb);
      avformat_free_context(p);
    }
  };

  void check(int code, char const* what) const {
    if (code < 0) throw resource_error(path_.string() + ": cannot " + what + ": " + detail::av_error_text(code));
  }

  AVCodec const* find_encoder(std::string const& name) const {
    AVCodec const* codec = avcodec_find_encoder_by_name(name.empty() ? "libx264" : name.c_str());
    if (codec == nullptr && name.empty()) codec = avcodec_find_encoder(AV_CODEC_ID_MPEG4);
    if (codec == nullptr)
      throw resource_error("this FFmpeg has no encoder " + (name.empty() ? std::string("libx264 or mpeg4") : name));
    return codec;
  }

  void open_output() {
    AVOutputFormat const* const format = av_guess_format(nullptr, path_.c_str(), nullptr);
    if (format == nullptr) throw argument_error(path_.string() + ": no container for this extension; use .mp4 or .mkv");
    AVFormatContext* context = nullptr;
    check(avformat_alloc_output_context2(&context, const_cast<AVOutputFormat*>(format), nullptr, path_.c_str()),
          "set up the container");
    output_.reset(context);
    output_->flags |= AVFMT_FLAG_BITEXACT;
    check(avio_open(&output_->pb, path_.c_str(), AVIO_FLAG_WRITE), "open it for writing");
  }

  void open_encoder(AVCodec const& codec, write_options const& options) {
    AVPixelFormat const format = av_get_pix_fmt(options.pixel_format.c_str());
    expect(format != AV_PIX_FMT_NONE, "video_writer", "pixel_format is not one of FFmpeg's names");
    expect(options.fps_numerator > 0 && options.fps_denominator > 0, "video_writer", "the frame rate must be positive");
    encoder_.reset(detail::allocated(avcodec_alloc_context3(&codec)));
    encoder_->log_level_offset = detail::quiet_log_offset;
    encoder_->width = size_.width;
    encoder_->height = size_.height;
    encoder_->pix_fmt = format;
    encoder_->time_base = {options.fps_denominator, options.fps_numerator};
    encoder_->framerate = {options.fps_numerator, options.fps_denominator};
    encoder_->gop_size = options.keyframe_interval;
    encoder_->max_b_frames = options.b_frames;
    encoder_->thread_count = 1;
    encoder_->flags |= AV_CODEC_FLAG_BITEXACT;
    AVPixFmtDescriptor const* const layout = av_pix_fmt_desc_get(format);
    bool const rgb = (layout->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    int const matrix = size_.height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601;  // the reader's default, and stated
    if (!rgb) {
      encoder_->colorspace = size_.height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
      encoder_->color_range = AVCOL_RANGE_MPEG;
    }
    if ((output_->oformat->flags & AVFMT_GLOBALHEADER) != 0) encoder_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    if (std::string(codec.name) == "libx264") {
      av_opt_set_int(encoder_->priv_data, "crf", options.quality, 0);
      av_opt_set(encoder_->priv_data, "preset", options.preset.c_str(), 0);
    } else {
      encoder_->flags |= AV_CODEC_FLAG_QSCALE;
      encoder_->global_quality = FF_QP2LAMBDA * options.quality;
    }
    check(avcodec_open2(encoder_.get(), &codec, nullptr), "open the encoder");

    picture_.reset(detail::allocated(av_frame_alloc()));
    picture_->format = format;
    picture_->width = size_.width;
    picture_->height = size_.height;
    check(av_frame_get_buffer(picture_.get(), 64), "make a frame");
    scaler_.reset(sws_getContext(size_.width, size_.height, AV_PIX_FMT_RGB24, size_.width, size_.height, format,
                                 SWS_AREA | SWS_ACCURATE_RND, nullptr, nullptr, nullptr));
    if (!scaler_)
      throw argument_error("[video_writer] pixel_format: RGB cannot be converted to " + options.pixel_format);
    sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(matrix), 1, sws_getCoefficients(matrix), 0, 0, 1 << 16,
                             1 << 16);
  }

  static void set_rotation(AVStream& stream, int clockwise) {
    expect(clockwise % 90 == 0, "video_writer", "rotation must be a multiple of 90 degrees");
    auto* const matrix = reinterpret_cast<std::int32_t*>(detail::new_display_matrix(stream));
    av_display_rotation_set(detail::allocated(matrix), clockwise);
  }

  void drain() {
    while (true) {
      int const code = avcodec_receive_packet(encoder_.get(), packet_.get());
      if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return;
      check(code, "encode a frame");
      if (packet_->duration == 0) packet_->duration = 1;
      av_packet_rescale_ts(packet_.get(), encoder_->time_base, stream_->time_base);
      packet_->stream_index = stream_->index;
      check(av_interleaved_write_frame(output_.get(), packet_.get()), "write a frame");
    }
  }

  std::filesystem::path path_;
  frame_size size_;
  std::unique_ptr<AVFormatContext, output_deleter> output_;
  detail::codec_ptr encoder_;
  detail::scaler_ptr scaler_;
  detail::frame_ptr picture_;
  detail::packet_ptr packet_;
  AVStream* stream_ = nullptr;
  std::int64_t frames_ = 0;
};

}  // namespace scale::video
