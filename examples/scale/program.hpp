// SPDX-License-Identifier: Apache-2.0
#pragma once
// What all sub-commands share: common options, the choice of a backend, where output goes, the request to stop.

#include <scale/core/dtype.hpp>
#include <scale/core/error.hpp>
#include <scale/ref/context.hpp>
#if SCALE_PROGRAM_CPU
#include <scale/cpu/context.hpp>
#endif
#if SCALE_PROGRAM_CUDA
#include <scale/cuda/context.hpp>
#endif

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

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

/// The backends that are compiled into this program, the default one first: cpu, cuda, ref.
std::vector<std::string> const& backend_names();

struct common_options {
  std::string backend = backend_names().front();
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

/// What a command computes in on other backends than ref.
enum class element_types { f32, f32_and_bf16 };

/// Throws resource_error where the backend asked for is not compiled into this program.
void require_backend(session const& s);

/// f<T>(b) for the element type asked for.
template <element_types types, class B, class F>
auto with_type(session const& s, B const& b, F&& f) {
  if constexpr (types == element_types::f32_and_bf16) {
    if (s.options.dtype == "bf16") return f.template operator()<bf16>(b);
  }
  if (s.options.dtype != "f32") wrong_usage("--dtype", "f32: this command computes in it alone", s.options.dtype);
  return f.template operator()<float>(b);
}

/// Calls f<T>(context) for the backend and element type asked for: float or, where `types` says so, bf16; ref computes
/// in double. Throws resource_error for a backend that is not compiled in or has no device, argument_error for a type
/// that the command does not compute in.
template <element_types types = element_types::f32, class F>
auto with_backend(session const& s, F&& f) {
  common_options const& o = s.options;
  require_backend(s);
#if SCALE_PROGRAM_CPU
  if (o.backend == cpu::context::name) return with_type<types>(s, cpu::context(o.threads), f);
#endif
#if SCALE_PROGRAM_CUDA
  if (o.backend == cuda::context::name) return with_type<types>(s, cuda::context(), f);
#endif
  if (o.dtype != "f32") wrong_usage("--dtype", "f32: backend ref computes in double whatever is asked for", o.dtype);
  return f.template operator()<double>(ref::context{});
}

}  // namespace scale::program
