// SPDX-License-Identifier: Apache-2.0
#include SCALE_TEST_BACKEND_HEADER

#include <scale/ops/transfer.hpp>

#include <support/compare.hpp>

namespace {

using scale::shape;
using testing::test_backend;

template <class T>
void round_trip(scale::index_t n) {
  test_backend const b = testing::make_backend();
  std::vector<T> host, back(static_cast<std::size_t>(2 * n));
  for (scale::index_t i = 0; i < 2 * n; ++i) host.push_back(T(static_cast<float>(i % 100)));
  scale::tensor<T, 2, test_backend> x(b, shape{n, 2});
  scale::upload(b, host, x);
  scale::download(b, x, back);
  testing::check_same_bits("round trip", back, host);
}

TEST_CASE("upload and download keep every element of every type") {
  for (scale::index_t const n : {0, 1, 5, 50001}) {
    round_trip<float>(n);
    round_trip<double>(n);
    round_trip<scale::bf16>(n);
    round_trip<scale::f16>(n);
    round_trip<std::uint8_t>(n);
    round_trip<std::int32_t>(n);
    round_trip<std::int64_t>(n);
  }
}

TEST_CASE("upload and download refuse other sizes, and views with gaps") {
  test_backend const b = testing::make_backend();
  scale::tensor<float, 2, test_backend> x(b, shape{3, 4});
  std::vector<float> host(11), part(6);
  testing::check_argument_error([&] { scale::upload(b, host, x); }, {"upload", "host size", "12", "11"});
  testing::check_argument_error([&] { scale::download(b, x, host); }, {"download", "host size", "12", "11"});
  testing::check_argument_error([&] { scale::upload(b, part, x.view().columns(0, 2)); }, {"destination layout"});
  testing::check_argument_error([&] { scale::download(b, x.view().columns(0, 2), part); }, {"source layout"});
}

}  // namespace
