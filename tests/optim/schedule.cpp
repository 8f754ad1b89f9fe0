// SPDX-License-Identifier: Apache-2.0
#include <scale/optim/schedule.hpp>
#include <scale/ref.hpp>

#include <nn/golden_case.hpp>
#include <support/compare.hpp>

#include <vector>

namespace {

TEST_CASE("golden: lr_schedule") {
  for (auto const& path : testing::golden_files("lr_schedule_")) {
    testing::golden_case const g(path, scale::dtype::f64);
    int const total = g.config().at("total_iterations");
    scale::warm_up_cosine const schedule(total, g.config().at("warm_iterations"));
    std::vector<double> multiplier;
    for (int i = 0; i <= total; ++i) multiplier.push_back(schedule(i));
    g.check("multiplier", multiplier);
  }
}

TEST_CASE("the schedule starts, peaks and ends where it should") {
  scale::warm_up_cosine const warm(100, 5), plain(100, 0);
  CHECK(warm(0) == 0);
  CHECK(warm(5) == 1);
  CHECK(warm(100) == 0);
  CHECK(plain(0) == 1);
  CHECK(plain(50) == doctest::Approx(0.5));
  scale::warm_up_cosine const only_warm_up(10, 10);
  CHECK(only_warm_up(5) == 0.5);
  CHECK(only_warm_up(10) == 1);
}

TEST_CASE("a schedule that cannot be is refused") {
  testing::check_argument_error([] { scale::warm_up_cosine(0, 0); }, {"total", "above 0"});
  testing::check_argument_error([] { scale::warm_up_cosine(10, 10.5); }, {"warm", "10.5"});
  testing::check_argument_error([] { scale::warm_up_cosine(10, -1); }, {"warm"});
  scale::warm_up_cosine const schedule(10, 1);
  testing::check_argument_error([&] { schedule(10.5); }, {"iteration", "10.5"});
  testing::check_argument_error([&] { schedule(-1); }, {"iteration"});
}

}  // namespace
