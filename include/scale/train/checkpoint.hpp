// SPDX-License-Identifier: Apache-2.0
#pragma once
// A checkpoint of training: parameters, both moments, and what the run is, in one safetensors file.

#include <scale/io/json.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/io/safetensors_writer.hpp>
#include <scale/nn/parameters.hpp>
#include <scale/train/finite.hpp>

#include <nlohmann/json.hpp>

#include <charconv>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace scale {

inline constexpr std::string_view checkpoint_format = "scale-checkpoint-2";

/// Parameters lie under their own names, in float or double (for a network that computes in a 16-bit type its masters),
/// AdamW's moments under these prefixes. Randomness is counter based, so the step is the whole state of the generators.
inline constexpr std::string_view first_moment_prefix = "adamw.m/", second_moment_prefix = "adamw.v/";

/// `run` is everything that decides the result: options, seed, element type, the store's widths and hash.
struct checkpoint_info {
  index_t step = 0;   // iterations done
  index_t epoch = 0;  // whole epochs done
  nlohmann::json run = nlohmann::json::object();
  nlohmann::json schedule = nlohmann::json::object();
};

/// Names what differs between two descriptions of a run: "lr: 0.0003 there, 0.001 here; ..."; empty if nothing does.
inline std::string difference_of_runs(nlohmann::json const& there, nlohmann::json const& here) {
  std::string text;
  auto const word = [](nlohmann::json const& object, std::string const& key) {
    return object.contains(key) ? printable(object.at(key).dump(-1, ' ', true)) : std::string("nothing");
  };
  std::set<std::string> keys;
  for (auto const& [key, value] : there.items()) keys.insert(key);
  for (auto const& [key, value] : here.items()) keys.insert(key);
  for (std::string const& key : keys) {
    if (there.contains(key) && here.contains(key) && there.at(key) == here.at(key)) continue;
    text +=
        (text.empty() ? "" : "; ") + printable(key) + ": " + word(there, key) + " there, " + word(here, key) + " here";
  }
  return text;
}

namespace detail {

template <class T>
void add_stored(std::vector<stored_tensor>& out, host_parameters<T> const& from, std::string_view prefix = {}) {
  for (auto const& [name, p] : from)
    out.push_back(as_stored(std::string(prefix) + name, p.shape, std::span<T const>(p.values)));
}

/// The file's tensor `prefix + entry.name`, of exactly this type and shape.
template <class T>
host_parameter<T> read_exact(safetensors_file const& file, parameter_entry const& entry, std::string_view prefix = {}) {
  stored_tensor const& t = file.at(std::string(prefix) + entry.name);
  if (t.shape != entry.shape)
    refuse_file(file.path(), "tensor '" + t.name + "': expected shape " + shape_text(entry.shape) + ", found " +
                                 shape_text(t.shape));
  if (t.type != stored_type_of<T>())
    refuse_file(file.path(), "tensor '" + t.name + "': expected " + std::string(name_of(stored_type_of<T>())) +
                                 ", found " + std::string(name_of(t.type)));
  host_parameter<T> out{entry.shape, std::vector<T>(static_cast<std::size_t>(entry.size))};
  std::memcpy(out.values.data(), t.bytes.data(), t.bytes.size());
  if (!all_finite(std::span<T const>(out.values)))
    refuse_file(file.path(), "tensor '" + t.name + "' holds a number that is not finite");
  return out;
}

template <class T>
void require_finite_parameters(host_parameters<T> const& all, std::string_view prefix, index_t step) {
  if (std::string const name = first_not_finite(all); !name.empty())
    throw_not_finite(step, "tensor '" + std::string(prefix) + name + "' of the checkpoint");
}

inline index_t read_count(safetensors_file const& file, std::string const& key) {
  auto const found = file.metadata().find(key);
  index_t value = -1;
  if (found != file.metadata().end()) {
    char const* const end = found->second.data() + found->second.size();
    auto const [stop, code] = std::from_chars(found->second.data(), end, value);
    if (code != std::errc() || stop != end) value = -1;
  }
  if (value < 0) refuse_file(file.path(), "metadata \"" + key + "\": expected a count");
  return value;
}

}  // namespace detail

/// Writes the file whole or not at all. m and v are laid out by the parameters' table. Throws divergence_error, with
/// what was there before left, for a number that is not finite.
template <floating T, backend B>
void write_checkpoint(std::filesystem::path const& path, B const& b, parameters<T, B> const& params,
                      tensor_view<acc_t<T> const, 1, B> m, tensor_view<acc_t<T> const, 1, B> v,
                      checkpoint_info const& info) {
  host_parameters<acc_t<T>> const values = params.export_all(b);
  host_parameters<acc_t<T>> const first = export_flat(b, params.table(), m);
  host_parameters<acc_t<T>> const second = export_flat(b, params.table(), v);
  detail::require_finite_parameters(values, "", info.step);
  detail::require_finite_parameters(first, first_moment_prefix, info.step);
  detail::require_finite_parameters(second, second_moment_prefix, info.step);
  std::vector<stored_tensor> tensors;
  detail::add_stored(tensors, values);
  detail::add_stored(tensors, first, first_moment_prefix);
  detail::add_stored(tensors, second, second_moment_prefix);
  write_checksummed_safetensors(path, tensors,
                                {{"format", std::string(checkpoint_format)},
                                 {"step", std::to_string(info.step)},
                                 {"epoch", std::to_string(info.epoch)},
                                 {"config", info.run.dump()},
                                 {"schedule", info.schedule.dump()}});
}

/// What a checkpoint is of, without its tensors. Throws input_error for any other file.
inline checkpoint_info read_checkpoint_info(safetensors_file const& file) {
  auto const& meta = file.metadata();
  auto const text = [&](char const* key) {
    auto const found = meta.find(key);
    if (found == meta.end())
      refuse_file(file.path(), "not a checkpoint: metadata \"" + std::string(key) + "\" is missing");
    return found->second;
  };
  if (text("format") != checkpoint_format)
    refuse_file(file.path(), "not a checkpoint: expected format \"" + std::string(checkpoint_format) + "\", found \"" +
                                 printable(text("format")) + "\"");
  if (!file.has_checksums()) refuse_file(file.path(), "a checkpoint without checksums: damaged, or not written here");
  checkpoint_info info{detail::read_count(file, "step"), detail::read_count(file, "epoch"),
                       parse_json(text("config"), file.path()), parse_json(text("schedule"), file.path())};
  if (!info.run.is_object()) refuse_file(file.path(), "metadata \"config\": expected a JSON object");
  return info;
}

/// Restores parameters and moments of a checkpoint of the run `expected`. Throws input_error, with everything left as
/// it was, where the checkpoint is of another run (named by what differs), or tensors are missing, unknown, of another
/// type or shape, or not finite.
template <floating T, backend B>
checkpoint_info read_checkpoint(std::filesystem::path const& path, B const& b, nlohmann::json const& expected,
                                parameters<T, B>& params, tensor_view<acc_t<T>, 1, B> m,
                                tensor_view<acc_t<T>, 1, B> v) {
  safetensors_file const file(path);
  checkpoint_info info = read_checkpoint_info(file);
  std::string const difference = difference_of_runs(info.run, expected);
  if (!difference.empty())
    refuse_file(path, "a checkpoint of another run; " + difference + ". Give the same options, or another folder");
  auto const& entries = params.table().entries();
  host_parameters<acc_t<T>> values, first, second;
  for (parameter_entry const& entry : entries) {
    values.emplace(entry.name, detail::read_exact<acc_t<T>>(file, entry));
    first.emplace(entry.name, detail::read_exact<acc_t<T>>(file, entry, first_moment_prefix));
    second.emplace(entry.name, detail::read_exact<acc_t<T>>(file, entry, second_moment_prefix));
  }
  if (file.tensors().size() != 3 * entries.size())
    refuse_file(path, "expected " + std::to_string(3 * entries.size()) + " tensors, found " +
                          std::to_string(file.tensors().size()));
  params.import_all(b, values);
  import_flat(b, params.table(), first, m);
  import_flat(b, params.table(), second, v);
  return info;
}

}  // namespace scale
