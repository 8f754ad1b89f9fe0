// SPDX-License-Identifier: Apache-2.0
#include <scale/io/name_map.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/io/safetensors_writer.hpp>
#include <scale/io/sha256.hpp>
#include <scale/io/weights_record.hpp>

#include "io/temporary_folder.hpp"
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using scale::input_error;
using scale::load_weights;
using scale::weight_spec;
using testing::contains;

namespace {

struct fixture {
  testing::temporary_folder folder;
  scale::safetensors_file file = make();

  scale::safetensors_file make() const {
    std::vector<float> const six = {1, 2, 3, 4, 5, 6}, zero = {0.f, -0.f};
    std::vector<scale::stored_tensor> const tensors = {
        scale::as_stored("net.w", {2, 3}, std::span<float const>(six)),
        scale::as_stored("net.b", {2}, std::span<float const>(zero)),
        scale::as_stored("extra", {2}, std::span<float const>(six).first(2))};
    scale::write_safetensors(folder / "w", tensors);
    return scale::safetensors_file(folder / "w");
  }
};

std::vector<scale::weight_naming> const strip = {{.name = "net", .prefixes = {"net."}}};

}  // namespace

TEST_CASE("load_weights: exact fits are loaded, and reported") {
  fixture const f;
  std::vector<weight_spec> const specs = {{"w", {2, 3}, scale::zero_weight::refused}, {"b", {2}}};
  std::vector<std::string> const allow = {"extra"};
  scale::loaded_weights const weights = load_weights(f.file, specs, strip, allow);
  CHECK(weights.read<float>("w") == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(weights.report.used == std::vector<std::string>{"w", "b"});
  CHECK(weights.report.unused == std::vector<std::string>{"extra"});
  scale::weights_record const record = scale::record_of(f.file, weights);
  CHECK(record.sha256 == scale::sha256_of_file(f.folder / "w"));
  CHECK(record.loading.used == weights.report.used);
  CHECK(record.loading.naming == "net");
  CHECK_THROWS_AS((void)weights.read<float>("extra"), scale::argument_error);
}

TEST_CASE("load_weights: everything that does not fit is listed by name, in one error") {
  fixture const f;
  std::vector<weight_spec> const specs = {{"w", {3, 2}}, {"b", {2}, scale::zero_weight::refused}, {"c", {1}}};
  std::string const text = testing::message_of<input_error>([&] { (void)load_weights(f.file, specs, strip); });
  CHECK(contains(text, (f.folder / "w").string()));
  CHECK(contains(text, "1 missing: c"));
  CHECK(contains(text, "1 unused: extra"));
  CHECK(contains(text, "w expected [3, 2] found [2, 3] in net.w"));
  CHECK(contains(text, "1 all zero: b"));
  std::vector<std::string> const allow = {"c", "extra", "b", "w"};
  std::string const rest = testing::message_of<input_error>([&] { (void)load_weights(f.file, specs, strip, allow); });
  CHECK(contains(rest, "w expected [3, 2]"));
  CHECK_FALSE(contains(rest, "missing:"));
  CHECK_FALSE(contains(rest, "all zero"));
}

TEST_CASE("load_weights: a name allowed to be missing is absent; two names for one tensor are refused") {
  fixture const f;
  std::vector<weight_spec> const specs = {{"w", {2, 3}}, {"b", {2}}, {"c", {1}}};
  std::vector<std::string> const allow = {"c", "extra"};
  scale::loaded_weights const weights = load_weights(f.file, specs, strip, allow);
  CHECK_FALSE(weights.contains("c"));
  CHECK(weights.contains("b"));
  std::vector<scale::weight_naming> const same = {
      {.name = "one", .place = [](std::string_view) { return scale::weight_place{"w"}; }}};
  CHECK(
      contains(testing::message_of<input_error>([&] { (void)load_weights(f.file, specs, same, allow); }), "both 'w'"));
}

namespace {

/// Tensors in groups, as a file with several state dicts holds them.
struct grouped_source {
  std::vector<scale::weight_group> all;
  std::vector<scale::stored_tensor> flat;

  std::vector<scale::weight_group> const& groups() const { return all; }
  std::vector<scale::stored_tensor> const& tensors() const { return flat; }
  std::string path() const { return "grouped.pth"; }

  void add(std::string const& group, std::string const& name, std::vector<scale::index_t> extents,
           std::span<float const> values) {
    if (all.empty() || all.back().path != group) all.push_back({group, {}});
    all.back().tensors.push_back(scale::as_stored(name, std::move(extents), values));
    flat.push_back(scale::as_stored(group + "/" + name, all.back().tensors.back().shape, values));
  }
};

std::vector<float> const ones = {1, 1, 1, 1, 1, 1}, ramp = {1, 2, 3, 4, 5, 6}, blank(6, 0.f);

/// A matrix "qkv" of six numbers, joined or as three rows.
std::vector<scale::weight_naming> attention_namings() {
  return {{.name = "joined",
           .prefixes = {"hist.", ""},
           .surplus = [](std::string_view n) { return n == "head"; },
           .groups = {"teacher", "student"}},
          {.name = "split", .place = [](std::string_view n) -> std::optional<scale::weight_place> {
             for (scale::index_t part = 0; part < 3; ++part)
               if (n == std::string(1, "qkv"[part])) return scale::weight_place{"qkv", part, 3};
             return std::nullopt;
           }}};
}

std::vector<weight_spec> const qkv = {{"qkv", {3, 2}, scale::zero_weight::refused}};

}  // namespace

TEST_CASE("load_weights: the naming is told from the names; parts are put together in their order") {
  std::span<float const> const all(ramp);
  grouped_source file;
  for (char const* name : {"v", "q", "k"}) {
    std::size_t const at = std::string_view("qkv").find(name) * 2;
    file.add("", name, {1, 2}, all.subspan(at, 2));
  }
  scale::loaded_weights const weights = load_weights(file, qkv, attention_namings());
  CHECK(weights.report.naming == "split");
  CHECK(weights.read<float>("qkv") == ramp);

  file.all.front().tensors.pop_back();
  std::vector<std::string> const allow = {"qkv"};
  CHECK(contains(testing::message_of<input_error>([&] { (void)load_weights(file, qkv, attention_namings(), allow); }),
                 "1 missing: qkv (a part of it)"));
  file.add("", "k", {1, 2}, std::span<float const>(blank).first(2));
  CHECK(contains(testing::message_of<input_error>([&] { (void)load_weights(file, qkv, attention_namings()); }),
                 "1 all zero: qkv"));
}

TEST_CASE("load_weights: of two prefixes and of two groups the wanted one is taken, other groups are left alone") {
  grouped_source file;
  file.add("optimizer", "qkv.moment", {3, 2}, blank);
  file.add("student", "qkv", {3, 2}, ones);
  file.add("teacher", "hist.qkv", {3, 2}, ramp);
  file.add("teacher", "head", {3, 2}, ramp);
  scale::loaded_weights const weights = load_weights(file, qkv, attention_namings());
  CHECK(weights.report.group == "teacher");
  CHECK(weights.report.prefix == "hist.");
  CHECK(weights.report.surplus == std::vector<std::string>{"head"});
  CHECK(weights.read<float>("qkv") == ramp);

  file.add("teacher", "qkv", {3, 2}, ones);
  std::string const text =
      testing::message_of<input_error>([&] { (void)load_weights(file, qkv, attention_namings()); });
  CHECK(contains(text, "1 unused: qkv"));
}

TEST_CASE("load_weights: two groups that fit alike, names of no naming, numbers that are no weights are refused") {
  auto const refusal = [](grouped_source const& file) {
    return testing::message_of<input_error>([&] { (void)load_weights(file, qkv, attention_namings()); });
  };
  grouped_source twice;
  twice.add("a", "qkv", {3, 2}, ones);
  twice.add("b", "qkv", {3, 2}, ramp);
  CHECK(contains(refusal(twice), "two groups hold these weights: 'a' and 'b'"));

  grouped_source other;
  other.add("", "conv1", {3, 2}, ones);
  CHECK(contains(refusal(other), "expected the names of joined, split, as 'qkv'; found 1 tensors with other names"));

  std::vector<float> const broken = {1, 2, 3, 4, 5, std::numeric_limits<float>::quiet_NaN()};
  grouped_source nan;
  nan.add("", "qkv", {3, 2}, broken);
  CHECK(contains(refusal(nan), "1 not finite: qkv"));

  std::vector<std::int64_t> const counts(6, 1);
  grouped_source whole;
  whole.all = {{"", {scale::as_stored("qkv", {3, 2}, std::span<std::int64_t const>(counts))}}};
  CHECK(contains(refusal(whole), "qkv expected floating-point numbers found I64"));
}
