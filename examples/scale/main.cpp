// SPDX-License-Identifier: Apache-2.0
// The program `scale`: parses the command line, runs one sub-command, turns errors into exit codes.
#include <scale/core/version.hpp>

#include "scale/program.hpp"
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>
#include <vector>

namespace scale::program {

void print_json(nlohmann::ordered_json const& object) { std::cout << object.dump() << '\n' << std::flush; }

void say(session const& s, std::string const& text) {
  if (!s.options.quiet) std::cerr << text << '\n';
}

namespace {

/// Turns SIGINT and SIGTERM into a request to stop; the second one ends the process at once. Made before any other
/// thread, so that these signals reach its thread alone.
class interrupt_watch {
 public:
  interrupt_watch() : watcher_(&interrupt_watch::wait, block_signals(), source_) {}

  std::stop_token token() const { return source_.get_token(); }

 private:
  static sigset_t block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
  }

  static void wait(std::stop_token ended, sigset_t signals, std::stop_source source) {
    while (!ended.stop_requested()) {
      timespec const pause{0, 100'000'000};
      if (sigtimedwait(&signals, nullptr, &pause) < 0) continue;
      if (source.stop_requested()) ::_exit(static_cast<int>(exit_code::interrupted));
      char const text[] = "\nstopping at the next safe point; once more to stop at once\n";
      source.request_stop();
      if (::write(STDERR_FILENO, text, sizeof(text) - 1) < 0) continue;  // nobody listens: nothing to be done
    }
  }

  std::stop_source source_;
  std::jthread watcher_;
};

/// The options of a JSON file as words of a command line; those given on the line itself come later and win.
std::vector<std::string> words_of_config(std::string const& path) {
  std::ifstream in(path);
  if (!in) throw input_error(path + ": cannot be opened");
  nlohmann::json config;
  try {
    config = nlohmann::json::parse(in);
  } catch (nlohmann::json::exception const& e) {
    throw input_error(path + ": not JSON: " + e.what());
  }
  if (!config.is_object()) throw input_error(path + ": expected a JSON object of options");
  std::vector<std::string> words;
  for (auto const& [key, value] : config.items()) {
    if (key == "command") continue;
    std::string const option = "--" + key;
    if (value.is_boolean()) {
      if (value.get<bool>()) words.push_back(option);
    } else if (value.is_string()) {
      words.insert(words.end(), {option, value.get<std::string>()});
    } else if (value.is_number()) {
      words.insert(words.end(), {option, value.dump()});
    } else {
      throw input_error(path + ": option '" + key + "': expected a number, a text, true or false");
    }
  }
  return words;
}

/// Command line with --config FILE replaced by the file's options, right behind the sub-command's name.
std::vector<std::string> expand_config(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc), rest, from_file;
  for (std::size_t i = 0; i < words.size(); ++i) {
    bool const with_equals = words[i].starts_with("--config=");
    if (words[i] != "--config" && !with_equals) {
      rest.push_back(words[i]);
      continue;
    }
    if (!with_equals && i + 1 == words.size()) throw argument_error("--config: a file is missing behind it");
    from_file = words_of_config(with_equals ? words[i].substr(9) : words[++i]);
  }
  std::size_t at = 0;
  while (at < rest.size() && rest[at].starts_with("-")) ++at;
  rest.insert(rest.begin() + static_cast<std::ptrdiff_t>(std::min(at + 1, rest.size())), from_file.begin(),
              from_file.end());
  return rest;
}

void add_common_options(CLI::App& app, session& s) {
  common_options& o = s.options;
  o.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  app.add_option("--backend", o.backend, "cpu, cuda, opencl or ref")->capture_default_str();
  app.add_option("--dtype", o.dtype, "f32 or bf16")->capture_default_str();
  app.add_option("--threads", o.threads, "threads of the backend")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--seed", o.seed, "seed of all random numbers")->capture_default_str();
  app.add_flag("--json", o.json, "one JSON object per line on standard output, nothing else there");
  app.add_flag("--quiet", o.quiet, "no progress on standard error");
  app.add_option("--config", "options from a JSON file; those on the line win");
}

exit_code run_program(int argc, char** argv) {
  interrupt_watch watch;
  session s;
  s.stop = watch.token();
  CLI::App app("scale: representations of whole videos from sets of clip features", "scale");
  app.set_version_flag("--version", std::string("scale ") + version);
  app.require_subcommand(1);
  app.fallthrough();
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_common_options(app, s);
  add_bench(app, s);
  add_demo(app, s);
  add_embed(app, s);
  add_extract(app, s);
  add_info(app, s);
  add_inspect(app, s);
  add_pretrain(app, s);
  add_probe(app, s);
  add_verify(app, s);
  try {
    std::vector<std::string> words = expand_config(argc, argv);
    std::reverse(words.begin(), words.end());
    app.parse(words);
    return s.run();
  } catch (CLI::ParseError const& e) {
    return app.exit(e, std::cout, std::cerr) == 0 ? exit_code::done : exit_code::wrong_usage;
  } catch (argument_error const& e) {
    std::cerr << "scale: " << e.what() << '\n';
    return exit_code::wrong_usage;
  } catch (input_error const& e) {
    std::cerr << "scale: " << e.what() << '\n';
    return exit_code::input_refused;
  } catch (cancelled_error const& e) {
    std::cerr << "scale: " << e.what() << '\n';
    return exit_code::interrupted;
  } catch (resource_error const& e) {
    std::cerr << "scale: " << e.what() << '\n';
    return exit_code::machine_lacks;
  } catch (std::bad_alloc const&) {
    std::cerr << "scale: out of memory\n";
    return exit_code::machine_lacks;
  } catch (std::exception const& e) {
    std::cerr << "scale: internal error: " << e.what() << '\n';
    return exit_code::machine_lacks;
  }
}

}  // namespace

}  // namespace scale::program

int main(int argc, char** argv) { return static_cast<int>(scale::program::run_program(argc, argv)); }
