// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decoding in a process that can do nothing else: the side of that process. An application starts it, with one end of a
// socket pair, as a process of its own that calls decode_worker and nothing before it that starts a thread; its other
// side is sandboxed_reader. For Linux on x86-64 and AArch64.

#include <scale/core/error.hpp>
#include <scale/video/detail/confine_process.hpp>
#include <scale/video/detail/decode_protocol.hpp>
#include <scale/video/detail/passes.hpp>
#include <scale/video/detail/video_file.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale::video {

/// What a decoding process may take.
struct worker_limits {
  std::size_t memory = std::size_t{3} << 30;  // bytes of address space beyond what it has when it begins
};

namespace detail {

/// The worker's end of the socket.
class worker_socket {
 public:
  /// The other end is closed: there is nobody to work for.
  struct closed {};

  explicit worker_socket(int socket) : socket_(socket) {}

  void write(void const* from, std::size_t bytes) const {
    auto const* at = static_cast<std::byte const*>(from);
    while (bytes > 0) {
      ::ssize_t const sent = ::write(socket_, at, bytes);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) throw closed();
      at += sent;
      bytes -= static_cast<std::size_t>(sent);
    }
  }

  template <class T>
  void write(T const& record) const {
    write(&record, sizeof(T));
  }

  void read(void* to, std::size_t bytes) const {
    auto* at = static_cast<std::byte*>(to);
    while (bytes > 0) {
      ::ssize_t const got = ::read(socket_, at, bytes);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw closed();
      at += got;
      bytes -= static_cast<std::size_t>(got);
    }
  }

  /// Waits for a request; returns the descriptor that came with it.
  int read_request(decode_request& request) const {
    alignas(::cmsghdr) std::byte control[CMSG_SPACE(sizeof(int))];
    ::iovec part{&request, sizeof(request)};
    ::msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    ::ssize_t got = 0;
    do {
      got = ::recvmsg(socket_, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    ::cmsghdr const* const header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) throw closed();
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header), sizeof(int));
    read(reinterpret_cast<std::byte*>(&request) + got, sizeof(request) - static_cast<std::size_t>(got));
    if (request.protocol != protocol_number) throw closed();
    return descriptor;
  }

  void fail(std::string_view text) const {
    text = text.substr(0, longest_text);
    write(reply{reply_kind::failure, 0, text.size()});
    write(text.data(), text.size());
  }

  void send(video_info const& info) const {
    auto const short_name = [](std::string const& name) {
      return static_cast<std::uint32_t>((std::min)(name.size(), longest_name));
    };
    info_record r;
    r.frames = info.frames;
    r.errors = info.errors;
    r.damaged_frames = info.damaged_frames;
    r.duration = info.duration;
    r.height = info.size.height;
    r.width = info.size.width;
    r.rotation = info.rotation;
    r.mirrored = info.mirrored ? 1 : 0;
    r.full_range = info.full_range ? 1 : 0;
    r.first_error = static_cast<std::uint32_t>((std::min)(info.first_error.size(), longest_text));
    r.codec = short_name(info.codec);
    r.pixel_format = short_name(info.pixel_format);
    r.colour_matrix = short_name(info.colour_matrix);
    write(reply{reply_kind::info, 0, sizeof(r)});
    write(r);
    write(info.first_error.data(), r.first_error);
    write(info.codec.data(), r.codec);
    write(info.pixel_format.data(), r.pixel_format);
    write(info.colour_matrix.data(), r.colour_matrix);
    write(info.timestamps.data(), info.timestamps.size() * sizeof(double));
  }

  /// What the other side chose; nothing where it gave up. At most `most` frames.
  std::optional<std::vector<std::int64_t>> read_choice(std::int64_t most) const {
    choice_header header;
    read(&header, sizeof(header));
    if (header.frames < 0) return std::nullopt;
    if (header.frames > most) throw closed();
    std::vector<std::int64_t> wanted(static_cast<std::size_t>(header.frames));
    read(wanted.data(), wanted.size() * sizeof(std::int64_t));
    return wanted;
  }

 private:
  int socket_;
};

/// Sends frames as they are decoded.
class frame_sender {
 public:
  frame_sender(worker_socket const& socket, frame_size size)
      : socket_(socket), bytes_(frame_bytes(size)), pixels_(new std::uint8_t[bytes_]) {}

  void send(std::uint8_t const* pixels) const {
    socket_.write(reply{reply_kind::frame, 0, bytes_});
    socket_.write(pixels, bytes_);
  }

  std::uint8_t* add(std::int64_t) {
    flush();
    waiting_ = true;
    return pixels_.get();
  }

  void clear() {
    waiting_ = false;
    socket_.write(reply{reply_kind::again, 0, 0});
  }

  void flush() {
    if (waiting_) send(pixels_.get());
    waiting_ = false;
  }

 private:
  worker_socket const& socket_;
  std::size_t bytes_;
  std::unique_ptr<std::uint8_t[]> pixels_;
  bool waiting_ = false;  // whether `pixels_` is still to be sent
};

inline void decode_for(worker_socket const& socket, decode_request const& request, video_file const& file) {
  read_options const options = options_of(request);
  if (request.wanted == asked_for::info) {
    socket.send(count_frames(file, options).info);
    return;
  }
  decoded_video kept({}, {});
  first_pass const pass = decode_keeping(file, options, kept);
  socket.send(pass.info);
  std::optional<std::vector<std::int64_t>> const wanted = socket.read_choice(pass.info.frames);
  if (!wanted) return;
  frame_sender frames(socket, pass.size);
  if (!kept.indices().empty())
    for (std::int64_t const index : *wanted) frames.send(kept.frame(index).pixels);
  else
    decode_again(file, options, *wanted, pass, frames);
  frames.flush();
  socket.write(reply{reply_kind::done, 0, 0});
}

inline void serve_request(worker_socket const& socket, decode_request const& request, int descriptor) {
  video_file const file({}, descriptor, request.bytes);  // the other side names it
  try {
    decode_for(socket, request, file);
  } catch (resource_error const&) {  // of FFmpeg's memory
    socket.write(reply{reply_kind::no_memory, 0, 0});
  } catch (std::bad_alloc const&) {
    socket.write(reply{reply_kind::no_memory, 0, 0});
  } catch (std::exception const& e) {
    socket.fail(e.what());
  }
}

}  // namespace detail

/// Confines this process for good, then decodes what the other end of `socket` asks for until that is closed. For a
/// process that does nothing else, has one thread, and ends, without running destructors of globals, when this returns:
/// descriptors are closed, limits set, most system calls end it. A video that harms the decoder ends it too, by a
/// signal. Where confining fails the other end is told, and nothing is decoded.
inline void decode_worker(int socket, worker_limits const& limits = {}) {
  ::av_log_set_level(AV_LOG_QUIET);
  detail::confinement const done = detail::confine_process(socket, limits.memory);
  detail::worker_socket const other(socket);
  try {
    detail::worker_hello hello;
    hello.error_number = done.error_number;
    if (done.failed != nullptr) std::strncpy(hello.failed_step.data(), done.failed, hello.failed_step.size() - 1);
    other.write(hello);
    while (done.failed == nullptr) {
      detail::decode_request request;
      int const descriptor = other.read_request(request);
      detail::serve_request(other, request, descriptor);
    }
  } catch (detail::worker_socket::closed const&) {
  }
}

}  // namespace scale::video
