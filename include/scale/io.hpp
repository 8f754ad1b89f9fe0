// SPDX-License-Identifier: Apache-2.0
#pragma once
// Umbrella: files in and out: safetensors, npy, CSV, JSON, checksums, atomic writing. What needs zlib is included by
// itself: weights_file.hpp, torch_writer.hpp, zip_archive.hpp, zip_inflater.hpp.

#include <scale/io/atomic_file.hpp>
#include <scale/io/crc32c.hpp>
#include <scale/io/csv.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/folder_lock.hpp>
#include <scale/io/json.hpp>
#include <scale/io/json_lines.hpp>
#include <scale/io/json_text.hpp>
#include <scale/io/list_folder.hpp>
#include <scale/io/mapped_file.hpp>
#include <scale/io/name_map.hpp>
#include <scale/io/npy.hpp>
#include <scale/io/open_file.hpp>
#include <scale/io/pickle.hpp>
#include <scale/io/pickle_value.hpp>
#include <scale/io/remove_file.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/io/safetensors_checksums.hpp>
#include <scale/io/safetensors_writer.hpp>
#include <scale/io/sha256.hpp>
#include <scale/io/stored_tensor.hpp>
#include <scale/io/temporary_file.hpp>
#include <scale/io/weight_value.hpp>
#include <scale/io/weights_kind.hpp>
#include <scale/io/weights_record.hpp>
