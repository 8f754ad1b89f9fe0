// SPDX-License-Identifier: Apache-2.0
#include <scale/io/name_map.hpp>
#include <scale/io/safetensors.hpp>
#include <scale/io/safetensors_writer.hpp>

#include "io/temporary_folder.hpp"
#include <doctest/doctest.h>

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

std::optional<std::string> strip(std::string_view name) {
  if (name.substr(0, 4) != "net.") return std::nullopt;
  return std::string(name.substr(4));
}

}  // namespace

TEST_CASE("load_weights: exact fits are loaded, and reported") {
  fixture const f;
  std::vector<weight_spec> const specs = {{"w", {2, 3}, scale::zero_weight::refused}, {"b", {2}}};
  std::vector<std::string> const allow = {"extra"};
  scale::loaded_weights const weights = load_weights(f.file, specs, allow, strip);
  CHECK(weights.read<float>("w") == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(weights.report.used == std::vector<std::string>{"w", "b"});
  CHECK(weights.report.unused == std::vector<std::string>{"extra"});
  CHECK_THROWS_AS((void)weights.at("extra"), scale::argument_error);
}

TEST_CASE("load_weights: everything that does not fit is listed by name, in one error") {
  fixture const f;
  std::vector<weight_spec> const specs = {{"w", {3, 2}}, {"b", {2}, scale::zero_weight::refused}, {"c", {1}}};
  std::string const text = testing::message_of<input_error>([&] { (void)load_weights(f.file, specs, {}, strip); });
  CHECK(contains(text, (f.folder / "w").string()));
  CHECK(contains(text, "1 missing: c"));
  CHECK(contains(text, "1 unused: extra"));
  CHECK(contains(text, "w expected [3, 2] found [2, 3]"));
  CHECK(contains(text, "1 all zero: b"));
  std::vector<std::string> const allow = {"c", "extra", "b", "w"};
  std::string const rest = testing::message_of<input_error>([&] { (void)load_weights(f.file, specs, allow, strip); });
  CHECK(contains(rest, "w expected [3, 2]"));
  CHECK_FALSE(contains(rest, "missing:"));
  CHECK_FALSE(contains(rest, "all zero"));
}

TEST_CASE("load_weights: a name allowed to be missing is absent; two names for one tensor are refused") {
  fixture const f;
  std::vector<weight_spec> const specs = {{"w", {2, 3}}, {"b", {2}}, {"c", {1}}};
  std::vector<std::string> const allow = {"c", "extra"};
  scale::loaded_weights const weights = load_weights(f.file, specs, allow, strip);
  CHECK_FALSE(weights.contains("c"));
  CHECK(weights.contains("b"));
  auto const same = [](std::string_view) { return std::optional<std::string>("w"); };
  CHECK(
      contains(testing::message_of<input_error>([&] { (void)load_weights(f.file, specs, allow, same); }), "both 'w'"));
}
