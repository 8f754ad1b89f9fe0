// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder that one process at a time works in.

#include <scale/io/file_error.hpp>
#include <scale/io/open_file.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

namespace scale {

/// Held from construction to destruction. The system releases it when the process ends, however it ends: there is no
/// lock file, and none that could be stale.
class folder_lock {
 public:
  /// Throws input_error where another holder has the folder, argument_error or resource_error where it cannot be
  /// opened.
  explicit folder_lock(std::filesystem::path const& folder)
      : descriptor_(detail::open_file(folder.c_str(), O_RDONLY | O_DIRECTORY)) {
    if (descriptor_ < 0) throw_write_failure(folder, "opening the folder", errno);
    if (detail::try_lock(descriptor_)) return;
    bool const taken = errno == EWOULDBLOCK;
    ::close(std::exchange(descriptor_, -1));
    if (taken)
      refuse_file(folder,
                  "expected a folder that nobody works in, found it in use by another process; wait until that "
                  "one ends, or give another folder");
  }

  folder_lock(folder_lock const&) = delete;
  folder_lock& operator=(folder_lock const&) = delete;

  ~folder_lock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  /// False on file systems that have no locks on folders, such as NFS: nothing keeps a second process out there.
  bool is_held() const noexcept { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

}  // namespace scale
