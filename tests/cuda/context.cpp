// SPDX-License-Identifier: Apache-2.0
#include <scale/cuda.hpp>

#include <doctest/doctest.h>
#include <emulator.hpp>
#include <support/compare.hpp>
#include <support/thrown.hpp>

namespace {

using scale::shape;
using scale::cuda::context;
using scale::cuda::context_options;
using testing::contains;

/// Changes what the runtime finds, for a scope.
struct machine_scope {
  cuda_on_host::machine const before = cuda_on_host::the_machine();
  ~machine_scope() {
    std::size_t const in_use = cuda_on_host::the_machine().in_use;
    cuda_on_host::the_machine() = before;
    cuda_on_host::the_machine().in_use = in_use;
  }
};

TEST_CASE("cuda: no device, no driver and an old driver are errors in words") {
  machine_scope const scope;
  auto const made = [] { return testing::thrown<scale::resource_error>([] { context const c; }); };
  cuda_on_host::the_machine().devices = 0;
  CHECK(contains(made(), "no CUDA device: the driver sees none"));
  cuda_on_host::the_machine().driver = 0;
  CHECK(contains(made(), "no CUDA device: no driver is installed"));
  cuda_on_host::the_machine().driver = 12040;
  CHECK(contains(made(), "driver is too old: expected one for CUDA 13.0, got one for CUDA 12.4"));
}

TEST_CASE("cuda: the devices of a machine, by number") {
  auto const devices = scale::cuda::devices();
  REQUIRE(devices.size() == static_cast<std::size_t>(cuda_on_host::the_machine().devices));
  CHECK(devices[0].name == "emulated device");
  CHECK(devices[0].capability == "9.1");
  CHECK(devices[0].bytes == std::size_t{1} << 30);
  machine_scope const scope;
  cuda_on_host::the_machine().devices = 0;
  CHECK(contains(testing::thrown<scale::resource_error>([] { scale::cuda::devices(); }), "no CUDA device"));
}

TEST_CASE("cuda: a device that does not exist is refused") {
  testing::check_argument_error([] { context const c(context_options{.device = 2}); }, {"device", "[0, 2)", "got 2"});
}

TEST_CASE("cuda: too much memory says how much was asked and how much is free") {
  machine_scope const scope;
  cuda_on_host::the_machine().memory = cuda_on_host::the_machine().in_use + 5000;
  context const c;
  scale::tensor<float, 1, context> const kept(c, shape{scale::index_t{500}});
  std::string const text = testing::thrown<scale::resource_error>(
      [&] { scale::tensor<float, 1, context> const x(c, shape{scale::index_t{1000}}); });
  CHECK(contains(text, "[cuda memory] 4000 bytes cannot be allocated on device 0: 3000 of "));
  scale::tensor<float, 1, context> const smaller(c, shape{scale::index_t{700}});  // nothing is left broken
  c.synchronize();
}

TEST_CASE("cuda: memory comes back in the order of the stream") {
  context const c;
  c.synchronize();
  std::size_t const before = cuda_on_host::the_machine().in_use;
  {
    scale::tensor<float, 1, context> x(c, shape{scale::index_t{1000}});
    scale::fill(c, x, 1);
    scale::tensor<float, 1, context> y(std::move(x));
    x = std::move(y);
  }
  c.synchronize();
  CHECK(cuda_on_host::the_machine().in_use == before);
}

TEST_CASE("cuda: a tensor outlives the context that it was made with") {
  scale::tensor<float, 1, context> x;
  {
    context const c;
    x = testing::make_vector(c, std::vector<float>{1, 2, 3});
  }
  context const other;
  CHECK(testing::values_of(other, x) == std::vector<float>{1, 2, 3});
}

TEST_CASE("cuda: several contexts and devices, and the caller's device stays current") {
  context const first(context_options{.device = 0}), second(context_options{.device = 1});
  int device = -1;
  for (int const current : {0, 1}) {
    cudaSetDevice(current);
    for (context const& c : {first, second}) {
      auto x = testing::make_vector(c, std::vector<float>{1, 2, 3, 4});
      scale::fill(c, x, 7);
      CHECK(testing::values_of(c, x) == std::vector<float>{7, 7, 7, 7});
      CHECK(cudaGetDevice(&device) == cudaSuccess);
      CHECK(device == current);
    }
  }
  cudaSetDevice(0);
}

TEST_CASE("cuda: a fault is reported where somebody waits; where launches are checked, by the operator") {
  for (auto const checks : {scale::cuda::launch_checks::none, scale::cuda::launch_checks::each}) {
    context const c(context_options{.checks = checks});
    auto const x = testing::make_tensor<2>(c, shape{1, 4}, std::vector<float>(4, 1));
    auto const index = testing::make_vector(c, std::vector<std::int32_t>{0});
    scale::tensor<float, 2, context> y(c, shape{1, 4});
    // a view of memory that is not the tensor's
    scale::tensor_view<float, 2, context> const outside(y.data_handle() + 2, shape{1, 4});
    std::string op;
    try {
      scale::gather_rows_forward(c, x, {.index = index, .y = outside});
      op = "[synchronize]";
      c.synchronize();
      FAIL_CHECK("nothing was thrown");
    } catch (scale::resource_error const& e) {
      if (checks == scale::cuda::launch_checks::each) op = "[gather_rows_forward]";
      CHECK(contains(e.what(), op));
      CHECK(contains(e.what(), "the last operator queued was gather_rows_forward"));
      CHECK(contains(e.what(), "outside of an allocation of 16 bytes"));
    }
    CHECK_THROWS_AS(scale::fill(c, y, 0), scale::resource_error);  // the fault stays
    cuda_on_host::clear_fault();
  }
}

TEST_CASE("cuda: pinned memory is copied without waiting") {
  context const c;
  scale::cuda::pinned<float> in(c, 5), out(c, 5);
  for (std::size_t i = 0; i < 5; ++i) in.values()[i] = static_cast<float>(i);
  scale::tensor<float, 1, context> x(c, shape{5});
  scale::cuda::upload_async(c, in, x);
  scale::cuda::download_async(c, x, out);
  c.synchronize();
  CHECK(std::equal(out.values().begin(), out.values().end(), in.values().begin()));
  scale::cuda::pinned<float> few(c, 4);
  testing::check_argument_error([&] { scale::cuda::upload_async(c, few, x); }, {"upload_async", "host size", "5", "4"});
}

TEST_CASE("cuda: products in TF32 are asked for by the context") {
  context const c(context_options{.matmul = scale::cuda::matmul_precision::tf32});
  auto const a = testing::make_tensor<2>(c, shape{2, 2}, std::vector<float>{1, 2, 3, 4});
  scale::tensor<float, 2, context> y(c, shape{2, 2});
  scale::matmul(c, a, {.b = a, .c = y});
  CHECK(testing::values_of(c, y) == std::vector<float>{7, 10, 15, 22});
}

}  // namespace
