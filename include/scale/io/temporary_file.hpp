// SPDX-License-Identifier: Apache-2.0
#pragma once
// A temporary file beside another, told from one that a dead process left.

#include <scale/io/file_error.hpp>
#include <scale/io/list_folder.hpp>
#include <scale/io/open_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace scale::detail {

/// Removes a file that nobody has locked: what a process that died left. False where it stays, or there is none.
inline bool remove_if_abandoned(std::filesystem::path const& file) noexcept {
  int const descriptor = open_file(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return false;
  bool const removed = try_lock(descriptor) && ::unlink(file.c_str()) == 0;
  ::close(descriptor);
  return removed;
}

/// Owns a file ".NAME.tmp-K" in the folder of `path`, empty at first, locked as long as this object lives. A file of
/// that name whose process died is removed first, so kills leave at most one behind, until the next write. Throws as
/// throw_write_failure does.
class temporary_file {
 public:
  explicit temporary_file(std::filesystem::path const& path) {
    constexpr int max_attempts = 1000;
    for (int attempt = 0; attempt < max_attempts; ++attempt) {
      path_ = name_of(path, attempt);
      remove_if_abandoned(path_);
      if (!create(path)) continue;
      remove_abandoned_after(path, attempt);
      return;
    }
    throw_write_failure(path, "creating a temporary file beside it", EEXIST);
  }

  temporary_file(temporary_file const&) = delete;
  temporary_file& operator=(temporary_file const&) = delete;

  ~temporary_file() {
    if (descriptor_ < 0) return;
    remove_name();
    ::close(descriptor_);
  }

  int descriptor() const noexcept { return descriptor_; }
  std::filesystem::path const& path() const noexcept { return path_; }

  /// The file stays without a name, until it is closed.
  void remove_name() noexcept {
    if (std::exchange(named_, false)) ::unlink(path_.c_str());
  }

  /// The file gets the name `to`, in place of what had it. False and errno where it fails.
  bool rename_to(std::filesystem::path const& to) noexcept {
    if (::rename(path_.c_str(), to.c_str()) != 0) return false;
    named_ = false;
    return true;
  }

 private:
  // As a text: where memory runs out within path::replace_filename, libstdc++ destroys what was never made.
  static std::filesystem::path name_of(std::filesystem::path const& path, int attempt) {
    std::string text = path.native();
    std::size_t const slash = text.rfind('/');
    text.insert(slash == std::string::npos ? 0 : slash + 1, 1, '.');
    return text + ".tmp-" + std::to_string(attempt);
  }

  static void remove_abandoned_after(std::filesystem::path const& path, int attempt) {
    while (remove_if_abandoned(name_of(path, ++attempt))) {
    }
  }

  // Between making a file and locking it, remove_if_abandoned may take it for abandoned: then its name is gone.
  bool create(std::filesystem::path const& path) {
    int const descriptor = open_file(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
    if (descriptor < 0 && errno == EEXIST) return false;
    if (descriptor < 0) throw_write_failure(path, "creating a temporary file beside it", errno);
    struct ::stat facts = {};
    bool const taken = !try_lock(descriptor) && errno == EWOULDBLOCK;
    if (::fstat(descriptor, &facts) != 0) {
      int const code = errno;
      ::unlink(path_.c_str());
      ::close(descriptor);
      throw_write_failure(path, "examining a temporary file beside it", code);
    }
    if (taken || facts.st_nlink == 0) {
      ::close(descriptor);
      return false;
    }
    descriptor_ = descriptor;
    named_ = true;
    return true;
  }

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool named_ = false;
};

}  // namespace scale::detail

namespace scale {

/// Removes what writers left in `folder` when their process was killed, for files whose name `is_ours` accepts. What is
/// in use stays.
template <std::predicate<std::string const&> IsOurs>
void remove_abandoned_files(std::filesystem::path const& folder, IsOurs const& is_ours) {
  constexpr std::string_view ending = ".tmp-";
  for (std::string const& name : list_folder(folder)) {
    std::size_t const at = name.rfind(ending);
    if (name.front() == '.' && at != std::string::npos && at + ending.size() < name.size() &&
        name.find_first_not_of("0123456789", at + ending.size()) == std::string::npos &&
        is_ours(name.substr(1, at - 1)))
      detail::remove_if_abandoned(folder / name);
  }
}

}  // namespace scale
