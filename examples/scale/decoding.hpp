// SPDX-License-Identifier: Apache-2.0
#pragma once
// Videos decoded by processes of this program that can do nothing else.

#include <scale/video/sandboxed_reader.hpp>

#include "scale/program.hpp"

#include <string_view>

namespace scale::program {

/// The word that makes this program a decoding process; for the program itself, not for users.
inline constexpr std::string_view decode_worker_word = "--decode-worker";

/// Serves the process that started this one, and returns when that has no more work.
exit_code run_decode_worker();

/// Reads videos in such processes. Throws resource_error where they cannot be started or confined.
video::sandboxed_reader start_sandbox();

inline constexpr char const* no_sandbox_help =
    "decode videos in this process, not in one that may do nothing else: for videos that are trusted";

}  // namespace scale::program
