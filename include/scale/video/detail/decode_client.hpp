// SPDX-License-Identifier: Apache-2.0
#pragma once
// The program's end of the socket to one decoding process. A process that a video has taken over may answer anything:
// nothing that comes from it is believed beyond what was asked for.

#include <scale/core/error.hpp>
#include <scale/video/decode_process.hpp>
#include <scale/video/decoded_video.hpp>
#include <scale/video/detail/decode_protocol.hpp>
#include <scale/video/detail/passes.hpp>
#include <scale/video/detail/video_file.hpp>
#include <scale/video/frame_reader.hpp>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace scale::video::detail {

/// A process ended, or had to be ended, while it read a video.
class process_lost : public input_error {
 public:
  using input_error::input_error;
};

/// One decoding process, for one thread at a time. The process is ended with this object, and as soon as it cannot be
/// relied on.
class decode_client {
 public:
  /// Takes the process, and waits until it says that it is confined. Throws resource_error where it is not.
  explicit decode_client(decode_process process) : process_(std::move(process)) {
    try {
      worker_hello hello;
      exchange("its start", {}, POLLIN, &hello, sizeof(hello));
      hello.failed_step.back() = 0;
      if (hello.protocol != protocol_number) lose("its start", "answered nonsense (its first word)");
      if (hello.failed_step.front() != 0)
        throw resource_error("[video] a process cannot be confined to decoding on this machine: " +
                             printable_ascii(hello.failed_step.data()) +
                             " failed: " + std::generic_category().message(hello.error_number));
    } catch (input_error const& e) {
      end();
      throw resource_error("[video] a decoding process cannot be started: " + std::string(e.what()));
    } catch (...) {
      end();
      throw;
    }
  }

  decode_client(decode_client const&) = delete;
  decode_client& operator=(decode_client const&) = delete;
  ~decode_client() { end(); }

  /// Whether the process is there, waiting for a request.
  bool usable() const noexcept {
    if (process_.socket < 0 || !at_rest_) return false;
    ::pollfd wait{process_.socket, POLLIN, 0};  // it has nothing to say unasked: there would be only its end
    return ::poll(&wait, 1, 0) == 0;
  }

  int requests() const noexcept { return requests_; }

  /// As scale::video::probe.
  video_info probe(std::filesystem::path const& path, read_options const& options) {
    video_file const file(path);
    request(file, asked_for::info, options);
    video_info info = receive_info(file, options);
    at_rest_ = true;
    return info;
  }

  /// As read_chosen_frames.
  decoded_video read(std::filesystem::path const& path, frame_choice const& choose, read_options const& options) {
    video_file const file(path);
    request(file, asked_for::frames, options);
    video_info info = receive_info(file, options);
    frame_size size;
    std::vector<std::int64_t> wanted;
    try {
      size = working_size_of(path, info.size, options);
      wanted = choose(std::as_const(info));
      check_choice(wanted, info);
      check_memory(path, size, wanted.size(), options);
    } catch (...) {
      try {
        send(path, options, choice_header{-1});
        at_rest_ = true;
      } catch (error const&) {  // the process is lost then, but that is not why there is no video
      }
      throw;
    }
    send(path, options, choice_header{static_cast<std::int64_t>(wanted.size())});
    exchange(path, options, POLLOUT, wanted.data(), wanted.size() * sizeof(std::int64_t));
    decoded_video video(std::move(info), size);
    receive_frames(file, options, wanted, video);
    at_rest_ = true;
    return video;
  }

 private:
  using clock = std::chrono::steady_clock;

  /// How much later than its time a process is ended that does not give up by itself: one frame may take a while.
  static constexpr std::chrono::seconds patience{2};

  void request(video_file const& file, asked_for wanted, read_options const& options) {
    expect(process_.socket >= 0, "decode_client", "its process has ended");
    ++requests_;
    at_rest_ = false;
    decode_request const r = request_for(options, wanted, file.bytes());
    alignas(::cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))] = {};
    ::iovec part{const_cast<decode_request*>(&r), sizeof(r)};
    ::msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    ::cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    int const descriptor = file.descriptor();
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    ::ssize_t sent = 0;
    do {
      sent = ::sendmsg(process_.socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    // Nothing else is in the socket, which takes this much at once.
    if (sent != static_cast<::ssize_t>(sizeof(r))) lose_ended(file.path());
  }

  /// The next header. Throws what a failure says.
  reply receive_reply(std::filesystem::path const& path, read_options const& options) {
    reply r;
    receive(path, options, r);
    if (r.kind == reply_kind::no_memory) lose(path, "took more memory than it may (worker_limits.memory)");
    if (r.kind != reply_kind::failure) return r;
    if (r.bytes > longest_text) lose(path, "answered nonsense (the length of a text)");
    std::string text = receive_text(path, options, r.bytes);
    at_rest_ = true;
    // Errors begin with the file's name, which the process was not told.
    throw input_error(path.string() + (text.starts_with(": ") ? "" : ": ") + text);
  }

  std::string receive_text(std::filesystem::path const& path, read_options const& options, std::size_t bytes) {
    std::string text(bytes, '\0');
    exchange(path, options, POLLIN, text.data(), bytes);
    return printable_ascii(std::move(text));
  }

  video_info receive_info(video_file const& file, read_options const& options) {
    std::filesystem::path const& path = file.path();
    reply const r = receive_reply(path, options);
    if (r.kind != reply_kind::info || r.bytes != sizeof(info_record)) lose(path, "answered nonsense (no facts)");
    info_record record;
    receive(path, options, record);
    if (char const* const fault = fault_of(record, options))
      lose(path, "answered nonsense (" + std::string(fault) + ")");
    video_info info;
    info.frames = record.frames;
    info.size = {record.height, record.width};
    info.rotation = record.rotation;
    info.mirrored = record.mirrored != 0;
    info.duration = record.duration;
    info.fps = static_cast<double>(info.frames) / info.duration;
    info.errors = record.errors;
    info.damaged_frames = record.damaged_frames;
    info.full_range = record.full_range != 0;
    info.first_error = receive_text(path, options, record.first_error);
    info.codec = receive_text(path, options, record.codec);
    info.pixel_format = receive_text(path, options, record.pixel_format);
    info.colour_matrix = receive_text(path, options, record.colour_matrix);
    info.timestamps.resize(static_cast<std::size_t>(info.frames));
    exchange(path, options, POLLIN, info.timestamps.data(), info.timestamps.size() * sizeof(double));
    for (double const time : info.timestamps)
      if (!std::isfinite(time)) lose(path, "answered nonsense (a time)");
    return info;
  }

  void receive_frames(video_file const& file, read_options const& options, std::vector<std::int64_t> const& wanted,
                      decoded_video& video) {
    std::filesystem::path const& path = file.path();
    std::size_t const bytes = frame_bytes(video.size());
    bool again = false;
    std::size_t n = 0;
    while (true) {
      reply const r = receive_reply(path, options);
      if (r.kind == reply_kind::frame && r.bytes == bytes && n < wanted.size()) {
        exchange(path, options, POLLIN, video.add(wanted[n++]), bytes);
      } else if (r.kind == reply_kind::again && !again) {
        again = true;  // a second time would be one too many
        n = 0;
        video.clear();
      } else if (r.kind == reply_kind::done && n == wanted.size()) {
        return;
      } else {
        lose(path, "answered nonsense (frames that were not asked for)");
      }
    }
  }

  template <class T>
  void send(std::filesystem::path const& path, read_options const& options, T record) {
    exchange(path, options, POLLOUT, &record, sizeof(T));
  }

  template <class T>
  void receive(std::filesystem::path const& path, read_options const& options, T& record) {
    exchange(path, options, POLLIN, &record, sizeof(T));
  }

  /// Sends (POLLOUT) or receives (POLLIN) all of these bytes; never waits beyond a request to stop or the deadline.
  void exchange(std::filesystem::path const& path, read_options const& options, short direction, void* memory,
                std::size_t bytes) {
    auto* at = static_cast<std::byte*>(memory);
    while (bytes > 0) {
      ::ssize_t const done = direction == POLLIN ? ::recv(process_.socket, at, bytes, MSG_DONTWAIT)
                                                 : ::send(process_.socket, at, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (done > 0) {
        at += done;
        bytes -= static_cast<std::size_t>(done);
      } else if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        wait(path, options, direction);
      } else if (done == 0 || errno != EINTR) {
        lose_ended(path);
      }
    }
  }

  void wait(std::filesystem::path const& path, read_options const& options, short direction) {
    constexpr int moment = 50;  // milliseconds, after which a request to stop is seen
    ::pollfd wait{process_.socket, direction, 0};
    if (::poll(&wait, 1, moment) > 0) return;
    if (options.stop.stop_requested()) {
      end();
      throw cancelled_error("[video] " + path.string() + ": reading was stopped");
    }
    if (options.deadline && clock::now() > *options.deadline + patience) {
      end();
      throw input_error(path.string() +
                        ": reading took longer than it may (read_options.deadline); the decoding process was ended");
    }
  }

  [[noreturn]] void lose(std::filesystem::path const& path, std::string const& why) {
    end();
    throw process_lost(path.string() + ": the decoding process " + why + " and was ended");
  }

  [[noreturn]] void lose_ended(std::filesystem::path const& path) {
    std::string const how = end_text(end());
    throw process_lost(path.string() + ": the decoding process " + how);
  }

  /// Ends the process, if it has not been; returns how it ended, as waitpid says it.
  int end() noexcept {
    if (process_.socket < 0) return 0;
    ::close(std::exchange(process_.socket, -1));
    return process_.end();
  }

  decode_process process_;
  int requests_ = 0;
  bool at_rest_ = true;  // whether the last request was answered whole
};

}  // namespace scale::video::detail
