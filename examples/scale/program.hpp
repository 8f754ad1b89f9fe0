// SPDX-License-Identifier: Apache-2.0
#pragma once
// What all sub-commands share: common options, the choice of a backend, where output goes, the request to stop.

#include <scale/core/dtype.hpp>
#include <scale/core/error.hpp>
#include <scale/cpu/context.hpp>
#include <scale/ref/context.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

namespace scale::program {

/// Exit codes, as documented for users.
enum class exit_code : int {
  done = 0,
  some_failed = 1,
  wrong_usage = 2,
  input_refused = 3,
  machine_lacks = 4,
  interrupted = 130,
};

struct common_options {
  std::string backend = "cpu";
  std::string dtype = "f32";
  int threads = 1;
  std::uint64_t seed = 42;
  bool json = false;
  bool quiet = false;
};

/// The state that sub-commands see. `run` is set by the one that was chosen.
struct session {
  common_options options;
  std::stop_token stop;
  std::function<exit_code()> run;
};

/// Adds the sub-command of that name to the program.
void add_bench(CLI::App& app, session& s);
void add_convert(CLI::App& app, session& s);
void add_demo(CLI::App& app, session& s);
void add_embed(CLI::App& app, session& s);
void add_extract(CLI::App& app, session& s);
void add_info(CLI::App& app, session& s);
void add_inspect(CLI::App& app, session& s);
void add_merge(CLI::App& app, session& s);
void add_pretrain(CLI::App& app, session& s);
void add_probe(CLI::App& app, session& s);
void add_verify(CLI::App& app, session& s);

/// One JSON object on its own line of standard output.
void print_json(nlohmann::ordered_json const& object);

/// Throws resource_error where something printed did not get out.
void require_output();

/// A line on standard error, unless --quiet.
void say(session const& s, std::string const& text);

/// Throws argument_error "OPTION: expected X, got Y; ADVICE", for people: it names no line of source.
[[noreturn]] void wrong_usage(std::string_view option, std::string_view expected, std::string_view got,
                              std::string_view advice = {});

/// What a command computes in on backend cpu.
enum class element_types { f32, f32_and_bf16 };

/// Calls f<T>(context) for the backend and element type asked for: cpu computes in float or, where `types` says so, in
/// bf16; ref in double. Throws resource_error for a backend that is not compiled in, argument_error for a type that the
/// command does not compute in.
template <element_types types = element_types::f32, class F>
auto with_backend(session const& s, F&& f) {
  common_options const& o = s.options;
  if (o.backend == "cuda" || o.backend == "opencl")
    throw resource_error("backend " + o.backend + " is not compiled into this program; it has: cpu, ref");
  if (o.backend == "ref") {
    if (o.dtype != "f32") wrong_usage("--dtype", "f32: backend ref computes in double whatever is asked for", o.dtype);
    return f.template operator()<double>(ref::context{});
  }
  if constexpr (types == element_types::f32_and_bf16) {
    if (o.dtype == "bf16") return f.template operator()<bf16>(cpu::context(o.threads));
  }
  if (o.dtype != "f32") wrong_usage("--dtype", "f32: this command computes in it alone", o.dtype);
  return f.template operator()<float>(cpu::context(o.threads));
}

}  // namespace scale::program
