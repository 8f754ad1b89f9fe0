// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder for one test's files, removed with everything in it.

#include <scale/io/mapped_file.hpp>

#include <stdlib.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace testing {

class temporary_folder {
 public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "scale-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder can be made");
    path_ = name;
  }
  temporary_folder(temporary_folder const&) = delete;
  temporary_folder& operator=(temporary_folder const&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::filesystem::path const& path() const { return path_; }
  std::filesystem::path operator/(std::filesystem::path const& name) const { return path_ / name; }

  /// Writes `content` to `name`, making folders as needed, and returns its path.
  std::filesystem::path write(std::filesystem::path const& name, std::string_view content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary | std::ios::trunc)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
    return path_ / name;
  }

  /// Names of what is in the folder, hidden files too.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (auto const& entry : std::filesystem::directory_iterator(path_))
      out.push_back(entry.path().filename().string());
    return out;
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_text(std::filesystem::path const& path) {
  scale::mapped_file const file(path);
  return {reinterpret_cast<char const*>(file.bytes().data()), file.size()};
}

/// What `action` says when it throws an E; fails by an exception of its own where it does not.
template <class E, class F>
std::string message_of(F&& action) {
  try {
    action();
  } catch (E const& e) {
    return e.what();
  }
  throw std::logic_error("expected an exception, none came");
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace testing
