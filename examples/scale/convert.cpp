// SPDX-License-Identifier: Apache-2.0
// scale convert: weights of any kind that weights_file reads, to safetensors or PyTorch's .pth.
#include <scale/io/json_text.hpp>
#include <scale/io/mapped_file.hpp>
#include <scale/io/safetensors_writer.hpp>
#include <scale/io/torch_writer.hpp>
#include <scale/io/weights_file.hpp>

#include "scale/program.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace scale::program {

namespace {

namespace fs = std::filesystem;

struct convert_arguments {
  std::string input, out, group, strip;
  bool one_group = false;  // --group was given; its path may be empty, for the file's top
};

/// The tensors to write, under the names they get.
struct selection {
  std::vector<stored_tensor> tensors;
  std::size_t left_out = 0;
};

std::string group_names(weights_file const& file) {
  constexpr std::size_t shown = 12;
  std::string text;
  for (std::size_t i = 0; i < file.groups().size() && i < shown; ++i)
    text += (i == 0 ? "'" : ", '") + printable(file.groups()[i].path) + "'";
  return text + (file.groups().size() > shown ? " ..." : "");
}

selection select(weights_file const& file, convert_arguments const& a) {
  selection out;
  if (a.one_group) {
    auto const found = std::ranges::find(file.groups(), a.group, &weight_group::path);
    if (found == file.groups().end())
      wrong_usage("--group", "one of the file's groups, " + group_names(file), "'" + printable(a.group) + "'");
    out.tensors = found->tensors;
  } else {
    out.tensors = file.groups().size() == 1 ? file.groups().front().tensors : file.tensors();
  }
  for (stored_tensor& tensor : out.tensors)
    if (tensor.name.empty()) tensor.name = fs::path(a.input).stem().string();  // a file that is one array
  std::size_t const all = out.tensors.size();
  std::erase_if(out.tensors, [&](stored_tensor const& tensor) { return !tensor.name.starts_with(a.strip); });
  out.left_out = all - out.tensors.size();
  if (all != 0 && out.tensors.empty())
    wrong_usage("--strip", "what names begin with, as the start of '" + printable(file.tensors().front().name) + "'",
                "'" + printable(a.strip) + "', which none does");
  for (stored_tensor& tensor : out.tensors) tensor.name.erase(0, a.strip.size());
  return out;
}

/// Throws input_error, naming the tensor, for what no file of the kind can hold.
void expect_holdable(fs::path const& input, std::vector<stored_tensor> const& tensors, weights_kind target) {
  for (stored_tensor const& tensor : tensors) {
    std::string const where = "tensor '" + printable(tensor.name) + "': ";
    bool clean = !tensor.name.empty() && is_utf8(tensor.name) && tensor.name != "__metadata__";
    for (char const c : tensor.name) clean = clean && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    if (!clean)
      refuse_file(input, where + "its name is empty, holds control bytes or is reserved; choose others with --group");
    if (target == weights_kind::torch_zip && !torch_holds(tensor.type))
      refuse_file(input, where + "PyTorch's .pth holds no " + std::string(name_of(tensor.type)) +
                             "; write .safetensors instead");
  }
}

weights_kind target_of(fs::path const& out) {
  if (out.extension() == ".safetensors") return weights_kind::safetensors;
  if (out.extension() == ".pth" || out.extension() == ".pt") return weights_kind::torch_zip;
  wrong_usage("OUT", "a path that ends with .safetensors, .pth or .pt", "'" + out.string() + "'");
}

bool is_of_kind(fs::path const& path, weights_kind kind) {
  try {
    mapped_file const file(path);
    return kind == weights_kind::torch_zip ? is_torch_zip(path, file.bytes())
                                           : guess_weights_kind(file.bytes()) == kind;
  } catch (input_error const&) {
    return false;
  }
}

void expect_out(convert_arguments const& a, weights_kind target) {
  std::error_code ignored;  // what cannot be examined is no reason to refuse: writing it says why it cannot be
  if (fs::equivalent(a.out, a.input, ignored)) wrong_usage("OUT", "another file than IN", "'" + a.out + "'");
  if (fs::exists(a.out, ignored) && !is_of_kind(a.out, target))
    throw argument_error("OUT: " + a.out + " exists and is no " + std::string(name_of(target)) +
                         " file; give another path, or remove it first");
}

exit_code convert(session const& s, convert_arguments const& a) {
  weights_kind const target = target_of(a.out);
  expect_out(a, target);
  weights_file const file(a.input);
  selection chosen = select(file, a);
  expect_holdable(a.input, chosen.tensors, target);
  std::uint64_t bytes = 0;
  for (stored_tensor const& tensor : chosen.tensors) bytes += tensor.bytes.size();
  std::size_t values = 0;
  file.for_each_value([&](named_value const&) { return ++values < 100'000; });
  if (target == weights_kind::torch_zip) {
    write_torch(a.out, chosen.tensors);
  } else {
    // Wide types first: every tensor then begins at a multiple of its type's size, as readers of others want it.
    std::ranges::stable_sort(chosen.tensors, std::ranges::greater{},
                             [](stored_tensor const& tensor) { return size_of(tensor.type); });
    std::map<std::string, std::string> const plain = {{"format", "pt"}};
    bool const keeps = file.kind() == weights_kind::safetensors && !file.metadata().empty();
    write_safetensors(a.out, chosen.tensors, keeps ? without_checksums(file.metadata()) : plain);
  }
  if (chosen.left_out != 0)
    say(s, fmt::format("left out: {} tensors whose names do not begin with '{}'", chosen.left_out, printable(a.strip)));
  if (values != 0) say(s, fmt::format("left out: {} values that are no tensors; scale inspect lists them", values));
  if (s.options.json)
    print_json({{"out", to_utf8(a.out)},
                {"from", std::string(name_of(file.kind()))},
                {"container", std::string(name_of(target))},
                {"tensors", chosen.tensors.size()},
                {"bytes", bytes},
                {"tensors_left_out", chosen.left_out},
                {"values_left_out", values}});
  else
    std::cout << fmt::format("{}: {} tensors, {} bytes, from {} ({})\n", a.out, chosen.tensors.size(), bytes, a.input,
                             name_of(file.kind()));
  return exit_code::done;
}

}  // namespace

void add_convert(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("convert", "turn a file of weights into .safetensors or .pth");
  auto const a = std::make_shared<convert_arguments>();
  command->add_option("IN", a->input, ".pth, .pt, .pyth, .ckpt, .safetensors, its index.json, .npz, .npy or .pkl")
      ->required();
  command->add_option("OUT", a->out, "the file to write: .safetensors, .pth or .pt")->required();
  CLI::Option const* const group =
      command->add_option("--group", a->group, "only the tensors of this dict, by the path that inspect shows");
  command->add_option("--strip", a->strip, "only tensors whose names begin so, without that beginning");
  command->callback([&s, a, group] {
    a->one_group = group->count() > 0;
    s.run = [&s, a] { return convert(s, *a); };
  });
}

}  // namespace scale::program
