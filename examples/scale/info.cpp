// SPDX-License-Identifier: Apache-2.0
// scale info: version, backends, what is compiled in.
#include <scale/core/version.hpp>

#include "scale/program.hpp"

#include <iostream>
#include <thread>

namespace scale::program {

void add_info(CLI::App& app, session& s) {
  CLI::App* const command = app.add_subcommand("info", "version, backends, what is compiled in");
  command->callback([&s] {
    s.run = [&s] {
      if (s.options.json)
        print_json(
            {{"version", version}, {"backends", {"cpu", "ref"}}, {"cores", std::thread::hardware_concurrency()}});
      else
        std::cout << "scale " << version
                  << "\nbackends: cpu (f32), ref (f64)\ncores: " << std::thread::hardware_concurrency() << '\n';
      return exit_code::done;
    };
  });
}

}  // namespace scale::program
