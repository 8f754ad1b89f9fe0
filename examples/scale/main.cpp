// SPDX-License-Identifier: Apache-2.0
// The program `scale`: parses the command line, runs one sub-command, turns errors into exit codes.
#include <scale/core/version.hpp>
#include <scale/io/file_error.hpp>
#include <scale/io/json.hpp>

#include "scale/program.hpp"
#if SCALE_PROGRAM_VIDEO
#include "scale/decoding.hpp"
#endif
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace scale::program {

namespace {

/// Turns SIGINT and SIGTERM into a request to stop; the second one ends the process at once. Made before any other
/// thread, so that these signals reach its thread alone.
class interrupt_watch {
 public:
  interrupt_watch() : signals_(block_signals()), watcher_([this](std::stop_token ended) { watch(ended); }) {}
  interrupt_watch(interrupt_watch const&) = delete;
  interrupt_watch& operator=(interrupt_watch const&) = delete;
  ~interrupt_watch() {
    watcher_.request_stop();
    ::pthread_kill(watcher_.native_handle(), SIGTERM);  // wakes the thread, which has nothing left to do
  }

  std::stop_token token() const { return source_.get_token(); }

 private:
  static sigset_t block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
  }

  void watch(std::stop_token ended) {
    for (int signal = 0; ::sigwait(&signals_, &signal) == 0 && !ended.stop_requested();) {
      if (source_.stop_requested()) ::_exit(static_cast<int>(exit_code::interrupted));
      source_.request_stop();
      char const text[] = "\nstopping at the next safe point; once more to stop at once\n";
      if (::write(STDERR_FILENO, text, sizeof(text) - 1) < 0) continue;  // nobody listens: nothing to be done
    }
  }

  sigset_t signals_;
  std::stop_source source_;
  std::jthread watcher_;  // the last member: it uses the others
};

/// A file's value as the word behind an option. Throws input_error for null, objects and lists.
std::string word_of(std::string const& file, std::string const& key, nlohmann::json const& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_number() && !value.is_boolean())
    refuse_file(file, "option '" + printable(key) + "': expected a number, a text, true, false, or a list of these");
  return value.dump();
}

/// Whether the program, or one of its commands, has an option of this name that takes several values.
bool takes_several(CLI::App const& app, std::string const& option) {
  CLI::Option const* const found = app.get_option_no_throw(option);
  if (found != nullptr && found->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll) return true;
  return std::ranges::any_of(app.get_subcommands({}),
                             [&](CLI::App const* command) { return takes_several(*command, option); });
}

/// The options of a JSON file as words of a command line, without those that the line has itself: these win.
std::vector<std::string> words_of_config(CLI::App const& app, std::string const& file,
                                         std::vector<std::string> const& line) {
  nlohmann::json const config = read_json(file);
  if (!config.is_object()) refuse_file(file, "expected a JSON object of options");
  std::vector<std::string> words;
  for (auto const& [key, value] : config.items()) {
    std::string const option = "--" + key;
    if (std::ranges::any_of(line, [&](auto const& w) { return w == option || w.starts_with(option + "="); })) continue;
    if (!value.is_array()) {
      words.push_back(option + "=" + word_of(file, key, value));
      continue;
    }
    if (!takes_several(app, option))
      refuse_file(file, "option '" + printable(key) + "': expected a single value, found a list");
    for (nlohmann::json const& element : value) words.push_back(option + "=" + word_of(file, key, element));
  }
  return words;
}

/// A command line, and the file that some of its options come from.
struct command_line {
  std::vector<std::string> words;
  std::string config;
};

/// Replaces --config FILE by the file's options. They go to the end, where all commands' options are understood, but
/// before a "--".
command_line expand_config(CLI::App const& app, std::vector<std::string> const& given) {
  command_line line;
  bool found = false;
  auto const end_of_options = std::ranges::find(given, "--");
  for (auto word = given.begin(); word != end_of_options; ++word) {
    bool const with_equals = word->starts_with("--config=");
    if (*word != "--config" && !with_equals) {
      line.words.push_back(*word);
      continue;
    }
    if (found) wrong_usage("--config", "one file", "a second", "join them");
    found = true;
    if (!with_equals && ++word == end_of_options) wrong_usage("--config", "a file behind it", "nothing");
    line.config = with_equals ? word->substr(9) : *word;
  }
  if (found) {
    std::vector<std::string> const more = words_of_config(app, line.config, line.words);
    line.words.insert(line.words.end(), more.begin(), more.end());
  }
  line.words.insert(line.words.end(), end_of_options, given.end());
  return line;
}

/// CLI11 itself takes a minus sign, and digits beyond the type's range, for another number.
std::string check_seed(std::string const& text) {
  std::uint64_t value = 0;
  auto const [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool const good = code == std::errc() && end == text.data() + text.size();
  return good ? std::string() : "expected a whole number from 0 to 2^64 - 1, got " + text;
}

void add_common_options(CLI::App& app, session& s) {
  common_options& o = s.options;
  o.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  app.add_option("--backend", o.backend, "what computes: cpu, cuda, opencl or ref")
      ->check(CLI::IsMember({"cpu", "cuda", "opencl", "ref"}))
      ->capture_default_str();
  app.add_option("--dtype", o.dtype, "type of numbers: f32 or bf16")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->capture_default_str();
  app.add_option("--threads", o.threads, "threads of the backend")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--seed", o.seed, "seed of all random numbers")->check(check_seed)->capture_default_str();
  app.add_flag("--json", o.json, "one JSON object per line on standard output, nothing else there");
  app.add_flag("--quiet", o.quiet, "no progress on standard error");
  app.add_option("--config", "options from a JSON file, such as a run's config.json; those on the line win");
}

/// Parses and runs.
exit_code run_program(std::vector<std::string> const& arguments) {
  interrupt_watch const watch;
  session s;
  s.stop = watch.token();
  CLI::App app("scale: representations of whole videos from sets of clip features", "scale");
  app.set_version_flag("--version", std::string("scale ") + version);
  app.require_subcommand(0, 1);  // none: said below, after a word that names none
  app.fallthrough();
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_common_options(app, s);
  add_bench(app, s);
  add_convert(app, s);
  add_info(app, s);
  add_merge(app, s);
  add_pretrain(app, s);
  add_probe(app, s);
  add_verify(app, s);
#if SCALE_PROGRAM_VIDEO
  add_embed(app, s);
  add_extract(app, s);
  add_inspect(app, s);
#if SCALE_PROGRAM_CPU
  add_demo(app, s);
#endif
#endif
  command_line line = expand_config(app, arguments);
  try {
    std::ranges::reverse(line.words);  // as CLI11 wants them
    app.parse(line.words);
    if (!s.run) throw CLI::RequiredError("A subcommand");
  } catch (CLI::ParseError const& e) {
    bool const asked_for = app.exit(e, std::cout, std::cerr) == 0;  // --help, --version
    if (!asked_for && !line.config.empty())
      std::cerr << "Options came from " << line.config << " too; is it for this command?\n";
    return asked_for ? exit_code::done : exit_code::wrong_usage;
  }
  return s.run();
}

exit_code fail(std::string const& text, exit_code code) {
  std::cerr << "scale: " << text << '\n';
  return code;
}

exit_code run_and_report(std::vector<std::string> const& arguments) {
  try {
    exit_code const code = run_program(arguments);
    require_output();
    return code;
  } catch (argument_error const& e) {
    return fail(e.what(), exit_code::wrong_usage);
  } catch (cancelled_error const& e) {
    return fail(e.what(), exit_code::interrupted);
  } catch (resource_error const& e) {
    return fail(e.what(), exit_code::machine_lacks);
  } catch (error const& e) {  // input_error, and training that diverged on what it was given
    return fail(e.what(), exit_code::input_refused);
  } catch (std::filesystem::filesystem_error const& e) {
    std::string const text = e.path1().string() + ": cannot be read or written: " + e.code().message();
    if (!is_fault_of_path(e.code().value())) return fail(text, exit_code::machine_lacks);
    return fail(text + "; check that it exists and who may use it", exit_code::input_refused);
  } catch (std::bad_alloc const&) {
    return fail("out of memory", exit_code::machine_lacks);
  } catch (std::exception const& e) {
    return fail(std::string("internal error: ") + e.what(), exit_code::machine_lacks);
  }
}

}  // namespace

}  // namespace scale::program

int main(int argc, char** argv) {
#if SCALE_PROGRAM_VIDEO
  if (argc == 2 && argv[1] == scale::program::decode_worker_word)  // before anything starts a thread
    ::_exit(static_cast<int>(scale::program::run_decode_worker()));
#endif
  return static_cast<int>(scale::program::run_and_report({argv + (argc > 0 ? 1 : 0), argv + argc}));
}
