// SPDX-License-Identifier: Apache-2.0
#include <scale/opencl.hpp>

#include <doctest/doctest.h>
#include <support/compare.hpp>
#include <support/thrown.hpp>

#include <cctype>
#include <cstdlib>
#include <exception>
#include <string>
#include <thread>
#include <vector>

namespace {

using scale::index_t;
using scale::shape;
using scale::opencl::context;
using scale::opencl::context_options;
using testing::contains;

TEST_CASE("opencl: a device is chosen by number, by a part of its name, and by the environment") {
  auto const all = scale::opencl::devices();
  REQUIRE(!all.empty());
  CHECK(context({.device = "0"}).device_name() == all[0].name);
  std::string part = all[0].name.substr(0, 4);
  for (char& letter : part) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  CHECK(context({.device = part}).device_name() == all[0].name);

  char const* const before = std::getenv("SCALE_OPENCL_DEVICE");
  std::string const kept = before != nullptr ? before : "";
  ::setenv("SCALE_OPENCL_DEVICE", "no such device", 1);
  testing::check_argument_error([] { context const c; },
                                {"opencl::context", "SCALE_OPENCL_DEVICE", "no such device", all[0].name});
  CHECK(context({.device = "0"}).device_name() == all[0].name);
  if (before != nullptr)
    ::setenv("SCALE_OPENCL_DEVICE", kept.c_str(), 1);
  else
    ::unsetenv("SCALE_OPENCL_DEVICE");
}

TEST_CASE("opencl: a device that does not exist is refused, and the others are listed") {
  testing::check_argument_error([] { context const c({.device = "99999"}); }, {"device", "0 (", "'99999'"});
}

TEST_CASE("opencl: too much memory says how much was asked and how much there is") {
  context const c;
  index_t const much = index_t{1} << 50;
  std::string const text =
      testing::thrown<scale::resource_error>([&] { scale::tensor<float, 1, context> const x(c, shape{much}); });
  CHECK(contains(text, "[opencl memory] " + std::to_string(much * 4)));
  CHECK(contains(text, c.device_name()));
  CHECK(contains(text, "a smaller batch"));
  scale::tensor<float, 1, context> const smaller(c, shape{index_t{700}});  // nothing is left broken
  c.synchronize();
}

TEST_CASE("opencl: views are parts of their tensor") {
  context const c;
  auto x = testing::make_tensor<2>(c, shape{3, 4}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  std::vector<float> row(4);
  scale::download(c, x.view().rows(1, 1), row);
  CHECK(row == std::vector<float>{4, 5, 6, 7});
  scale::fill(c, x.view().rows(2, 1), 20);
  scale::copy(c, x.view().rows(0, 1).columns(1, 2), {.y = x.view().rows(2, 1).columns(2, 2)});
  CHECK(testing::values_of(c, x) == std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 20, 20, 1, 2});
}

TEST_CASE("opencl: a tensor of another context is refused") {
  context const c, other;
  auto const x = testing::make_tensor<2>(other, shape{1, 3}, std::vector<float>{1, 2, 3});
  scale::tensor<float, 2, context> y(c, shape{1, 3});
  std::string const text = testing::thrown<scale::argument_error>([&] { scale::gelu_forward(c, x, {.y = y}); });
  CHECK(contains(text, "[gelu_forward] memory: expected a tensor of this context"));
}

TEST_CASE("opencl: a tensor outlives the context that it was made with") {
  scale::tensor<float, 1, context> x;
  context copy;
  {
    context const c;
    copy = c;
    x = testing::make_vector(c, std::vector<float>{1, 2, 3});
  }
  CHECK(testing::values_of(copy, x) == std::vector<float>{1, 2, 3});
  copy = context();
  scale::tensor<float, 1, context> const moved(std::move(x));  // the queue and the memory are still there
  CHECK(moved.size() == 3);
}

TEST_CASE("opencl: events end asynchronous transfers") {
  context const c;
  std::vector<float> const in = {1, -2, 3, -4, 5};
  std::vector<float> out(5);
  scale::tensor<float, 2, context> x(c, shape{1, 5});
  scale::opencl::event const sent = scale::opencl::upload_async(c, in, x);
  scale::relu_forward(c, x, {.y = x});
  scale::opencl::event const received = scale::opencl::download_async(c, x, out);
  received.wait();
  sent.wait();
  CHECK(out == std::vector<float>{1, 0, 3, 0, 5});
  scale::opencl::event().wait();
  std::vector<float> few(4);
  testing::check_argument_error([&] { scale::opencl::download_async(c, x, few); },
                                {"download_async", "host size", "5", "4"});
  testing::check_argument_error([&] { scale::opencl::upload_async(c, few, x); }, {"upload_async", "host size"});
}

TEST_CASE("opencl: launches are checked one by one where asked") {
  context const c({.checks = scale::opencl::launch_checks::each});
  auto const x = testing::make_tensor<2>(c, shape{2, 2}, std::vector<float>{1, 2, 3, 4});
  scale::tensor<float, 2, context> y(c, shape{2, 2});
  scale::matmul(c, x, {.b = x, .c = y});
  CHECK(testing::values_of(c, y) == std::vector<float>{7, 10, 15, 22});
}

TEST_CASE("opencl: two contexts work on two threads") {
  std::vector<float> results[2];
  std::exception_ptr failures[2];
  auto const work = [&](std::size_t which) {
    try {
      context const c;
      auto x = testing::make_tensor<2>(c, shape{2, 2}, std::vector<float>{1, 2, 3, 4});
      for (int step = 0; step < 50; ++step) {
        scale::tensor<float, 2, context> y(c, shape{2, 2});
        scale::matmul(c, x, {.b = x, .c = y});
        scale::relu6_forward(c, y, {.y = x});
      }
      results[which] = testing::values_of(c, x);
    } catch (...) {
      failures[which] = std::current_exception();
    }
  };
  std::thread first(work, 0), second(work, 1);
  first.join();
  second.join();
  for (std::exception_ptr const& failure : failures)
    if (failure) std::rethrow_exception(failure);
  CHECK(results[0] == std::vector<float>(4, 6));
  CHECK(results[1] == results[0]);
}

}  // namespace
